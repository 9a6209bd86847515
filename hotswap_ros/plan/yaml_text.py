# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
YAML and JSON as people write it: bounded, and without the forms of YAML that surprise.

A plan comes from anybody who can call a service. Aliases let 500 characters stand for gigabytes:
the text is scanned for its size, depth and aliases before anything is built from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any, Final

import yaml

from hotswap_ros.limits import TEXT_DEPTH, TEXT_FILE_BYTES
from hotswap_ros.models import NotRegularError, open_regular
from hotswap_ros.plan.errors import PlanError
from hotswap_ros.text import size_words

#: The reader in C, ten times faster, where PyYAML was built with it.
_Loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)

#: Numbers of YAML 1.1 that are not what they look like: 1:30 is 90 there, and 0100 is 64.
_SURPRISES: Final = {
    re.compile(r'[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?'): (
        'a number of base 60 in YAML: write a time of day in quotes, and a duration as '
        "'PT1M30S' or in seconds"
    ),
    re.compile(r'[-+]?0[0-7_]+'): (
        'a number of base 8 in YAML: write it without the leading 0, or in quotes if it is a name'
    ),
}

_OPENING = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
_CLOSING = (yaml.SequenceEndEvent, yaml.MappingEndEvent)


def read_text_file(path: Path, most_bytes: int = TEXT_FILE_BYTES) -> str:
    """
    Return the text of a regular file of at most `most_bytes` (bytes), in UTF-8. Blocks.

    Raises PlanError for another encoding, a larger file and what is not a regular file; OSError.
    """
    try:
        with open_regular(path) as file:
            data = file.read(most_bytes + 1)
    except NotRegularError as error:
        raise PlanError([f'{path}: is not a regular file: give a file of text']) from error
    if len(data) > most_bytes:
        raise PlanError([f'{path}: is larger than {size_words(most_bytes)}: shorten it'])
    if data.startswith((b'\xff\xfe', b'\xfe\xff')):
        raise PlanError([f'{path}: is text in UTF-16: save it as UTF-8'])
    if b'\0' in data:
        raise PlanError([f'{path}: holds zero bytes, as UTF-16 has them: save it as UTF-8'])
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        place = f'byte {error.start + 1}'
        raise PlanError([f'{path}: is not text in UTF-8 ({place}): save it as UTF-8']) from error


def parse_text(text: str, most_bytes: int = TEXT_FILE_BYTES) -> Any:
    """
    Return what YAML or JSON text of at most `most_bytes` (bytes) holds.

    JSON is read as such: YAML knows neither its tabs nor 5e3. Raises PlanError, ValueError
    or yaml.YAMLError.
    """
    text = text.removeprefix('\ufeff')
    if len(text.encode('utf-8', 'surrogatepass')) > most_bytes:
        raise PlanError([f'the text is larger than {size_words(most_bytes)}: shorten it'])
    try:
        return json.loads(text, object_pairs_hook=_json_object)
    except RecursionError as error:
        raise PlanError(['the text is nested too deeply: remove levels']) from error
    except ValueError:
        _scan(text)
        return yaml.load(text, Loader=_PlainLoader)


def _scan(text: str) -> None:
    """Raise PlanError for aliases, and for more levels than any such text needs."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            alias = f"'*{event.anchor}' at {_place(event)}"
            raise PlanError([f'{alias} is an alias, which is not read: write the value out'])
        depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
        if depth > TEXT_DEPTH:
            problem = f'is nested deeper than {TEXT_DEPTH} levels: remove levels'
            raise PlanError([f'{_place(event)} {problem}'])


def _place(part: Any) -> str:
    """Return where an event or a node of YAML begins."""
    return f'line {part.start_mark.line + 1}'


def _json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_duplicates((key for key, _ in pairs), '')
    return dict(pairs)


class _PlainLoader(_Loader):  # type: ignore[misc]
    """A YAML loader that refuses what YAML would silently read as something else."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        _refuse_duplicates(
            (
                self.construct_object(key, deep=True)
                for key, _ in node.value
                if key.tag != 'tag:yaml.org,2002:merge'
            ),
            f' in the mapping at {_place(node)}',
        )
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> Any:
        """Return a number that everybody reads as the same number."""
        for form, problem in _SURPRISES.items():
            if form.fullmatch(node.value):
                raise PlanError([f'{node.value} at {_place(node)} is {problem}'])
        whole = node.tag.endswith(':int')
        return self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)


for _kind in ('int', 'float'):
    _PlainLoader.add_constructor(f'tag:yaml.org,2002:{_kind}', _PlainLoader.construct_number)


def _refuse_duplicates(keys: Iterable[Any], where: str) -> None:
    seen = set()
    for key in keys:
        if not isinstance(key, Hashable):
            continue  # The loader refuses it.
        if key in seen:
            raise PlanError([f"key '{key}' is written twice{where}: write it once"])
        seen.add(key)
