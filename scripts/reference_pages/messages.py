# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The interface definitions: their contracts in prose, their fields and constants in tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from reference_pages.markdown import code, prose, table

_PARTS = {
    'msg': ('',),
    'srv': ('Request', 'Response'),
    'action': ('Goal', 'Result', 'Feedback'),
}
_LINE = re.compile(r'([\w/\[\]<>=]+) +(\w+)(?: *= *([^#]+?))?(?: +([^#\s]+))? *(?:#(.*))?$')


@dataclass
class Entry:
    """A field, or a constant where there is a value."""

    kind: str
    name: str
    value: str
    meaning: str


@dataclass
class Block:
    """A paragraph of prose, and the entries that follow it."""

    prose: str = ''
    entries: list[Entry] = field(default_factory=list)


def messages(folder: Path) -> str:
    """Return every definition of a folder."""
    names = {path.stem for path in folder.parent.glob('msg/*.msg')}
    files = sorted(folder.glob(f'*.{folder.name}'))
    return '\n\n'.join(_definition(path, names) for path in files)


def _definition(path: Path, names: set[str]) -> str:
    sections = re.split(r'^---$', path.read_text(), flags=re.MULTILINE)
    paragraphs = [f'### {path.stem}']
    for title, section in zip(_PARTS[path.suffix[1:]], sections, strict=True):
        body = [part for block in _blocks(section) for part in _block(block, names)]
        if title:
            first = body[:1] if title in ('Request', 'Goal') and _is_prose(section) else []
            body = [*first, f'*{title}*', *(body[len(first) :] or ['No fields.'])]
        paragraphs += body
    return '\n\n'.join(paragraphs)


def _is_prose(section: str) -> bool:
    return section.lstrip().startswith('#')


def _blocks(section: str) -> list[Block]:
    """Read the lines of one part of a definition."""
    blocks = [Block()]
    for line in section.splitlines():
        if line.startswith('#'):
            if blocks[-1].entries:
                blocks.append(Block())
            blocks[-1].prose += (line[1:].strip() or '\n\n') + ' '
        elif line.lstrip().startswith('#'):
            blocks[-1].entries[-1].meaning += ' ' + line.strip('# ')
        elif line.strip():
            blocks[-1].entries.append(_entry(line))
    return [block for block in blocks if block.prose or block.entries]


def _entry(line: str) -> Entry:
    found = _LINE.match(line.strip())
    if found is None:
        raise ValueError(f'not understood: {line}')
    kind, name, value, default, comment = found.groups()
    meaning = (comment or '').strip()
    if default:
        meaning = f'{meaning} (default: {default})'
    return Entry(kind, name, (value or '').strip(), meaning)


def _block(block: Block, names: set[str]) -> list[str]:
    constants = [(code(e.name), e.value, prose(e.meaning)) for e in block.entries if e.value]
    fields = [
        (code(e.name), _type(e.kind, names), prose(e.meaning))
        for e in block.entries
        if not e.value
    ]
    parts = [prose(' '.join(text.split())) for text in block.prose.split('\n\n') if text.strip()]
    if constants:
        columns = 3 if any(row[2] for row in constants) else 2
        head = ('constant', 'value', 'meaning')[:columns]
        parts.append(table(head, [row[:columns] for row in constants]))
    if fields:
        parts.append(table(('field', 'type', 'meaning'), fields))
    return parts


def _type(kind: str, names: set[str]) -> str:
    name = kind.split('[')[0]
    return f'[`{kind}`](#{name.lower()})' if name in names else code(kind)
