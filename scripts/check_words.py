#!/usr/bin/env python3
# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Lint of words: one word for one thing, in code, interfaces and documentation.

`check_words.py [PATH ...]` reads string literals, docstrings and comments of Python files, the
comments of interfaces and YAML files, and the text of Markdown pages. It prints each forbidden
word with the word to write, and exits with 1 if it found any. Without paths it reads all ROOTS;
`--count` prints the number of findings by folder only.

Standard library only, and nothing newer than Python 3.8.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

ROOT = Path(__file__).resolve().parent.parent
#: Folders and files that are read when no path is named.
ROOTS = [
    'hotswap_ros',
    'launch',
    'bench',
    'scripts',
    'config',
    'msg',
    'srv',
    'action',
    'docs',
    'README.md',
    'CONTRIBUTING.md',
]

#: Forbidden patterns, in any case, and the word to write. A space stands for any white space.
WORDS: Dict[str, str] = {
    # Words that stand for nothing else in this project.
    r'owe[sd]?|owing|debts?': 'unconfirmed (pending rollback)',
    r'paid': 'confirmed',
    r'waive[sd]?': 'dropped',
    r'aftermath|aftercare': 'verification',
    r'rivals?': 'takeover (newer coordinator)',
    r'ledgers?|deeds?': 'trial counts',
    r'inquir(?:y|ies)': 'diagnosis',
    r'incubators?|nurses?': 'worker',
    r'hatch(?:es)?|rescue[sd]?': 'fallback',
    r'wish(?:es|ed)?': 'desired',
    r'undo(?:es|ne|ing)?|undid': 'rollback',
    # Innocent words, where they stand for a thing that has a name.
    r'put(?:s|ting)?(?: it| them)? back|put_back': 'roll back',
    r'ways? back|(?:go|goes|going|went|gone) back': 'roll back (a robot: return)',
    r'policy versions?': 'version',
    r'(?:new|old) models?': 'candidate, stable',
    r'flag values?|values? of (?:a|the) flag|(?:candidate|traffic)(?:\'s)? weights?': 'share',
    r'groups? of robots|robot groups?|group [ab]': 'cohort',
    r'(?:control|candidate|each|both|either|two) arms?': 'control, candidate',
    r'phase (?:\d+|\{\})': 'stage (of `phases`: its key)',
    r'gate tests?|tests? of (?:a|the) gate': 'check',
    r'episodes?|robot jobs?|jobs? of (?:a|the|its) robots?': 'task',
    r'(?:want(?:ed|s)?|wished|target) (?:versions?|routings?|states?|shares?)': 'desired',
    r'held (?:versions?|routings?|states?|shares?)': 'reported',
    r'silent robots?': 'unreachable',
    r'robots? (?:that )?(?:is|are|was|were|be|been|stays?|went|goes) (?:silent|away|lost|gone)': (
        'unreachable'
    ),
    r'out of reach': 'unreachable',
    r'in reach': 'reachable',
    r'claim(?:s|ed|ing)? (?:the|a|an|its|one|this|that) (?:same )?(?:name|id|robot_id)': (
        'duplicate robot_id'
    ),
    r'rollouts? (?:\w+ )?apart|keep\w* \w+ apart': 'overlap',
    r'extent of (?:a|the) (?:harm|damage|failure)': 'impact',
    r'pace of|(?:the|fleet\'s|robot\'s) pace': 'throughput',
}
#: The beginning of a module's docstring: it says what the module is, and asks nothing.
_RIDDLE = re.compile(r'\s*(?:What|Which|How|Whether|When|Where|Why)\b')
_NOUN = 'a noun: what the module is'


class Allowed(NamedTuple):
    """Files, by pattern, in which a word is allowed, and the reason."""

    files: str
    word: str
    reason: str


ALLOWED = (
    Allowed('hotswap_ros/coordinator/journal_upgrade.py', '*', 'names in older journals'),
    Allowed('hotswap_ros/rollout/migration.py', '*', 'names in older journals'),
    Allowed('scripts/check_words.py', '*', 'the table itself'),
    Allowed('docs/*architecture.md', '*', 'shows the table'),
    Allowed('docs/*glossary.md', '*', 'shows the table'),
    Allowed('hotswap_ros/serving/settings.py', 'incubator', 'accepted old value'),
    Allowed('docs/reference/parameters.md', 'incubator', 'accepted old value'),
    Allowed('hotswap_ros/cli/files/*', 'episode*', "column of other people's files"),
    Allowed('docs/reference/trial_files.md', 'episode*', "column of other people's files"),
    Allowed('docs/how-to/analyze_*.md', 'episode*', "column of other people's files"),
    Allowed('hotswap_ros/gates/*', '*arm*', 'an arm of a trial is the word of statistics'),
    Allowed('hotswap_ros/gates/older_dumps.py', 'debts', 'a key of old journals'),
    Allowed('hotswap_ros/sim/*', '*arm*', 'the arm of a robot'),
    Allowed('hotswap_ros/plan/strategies/phases.py', 'phase {}', 'an entry of `phases`'),
    Allowed('golden/*', 'phase *', 'an entry of `phases`'),
    Allowed('hotswap_ros/sim/policies/*', 'episode*', 'the word of those who train policies'),
    Allowed('hotswap_ros/cli/verbs/shadow.py', 'episode*', "column of other people's files"),
    Allowed('hotswap_ros/sim/scenario/scenario.py', 'put_back', 'accepted old value'),
)


class Passage(NamedTuple):
    """Some text and the number of its first line; `source` are its lines where it is code."""

    line: int
    text: str
    source: Sequence[str] = ()


class Finding(NamedTuple):
    """A forbidden word, where it is, and what to write instead."""

    path: str
    line: int
    found: str
    instead: str

    def __str__(self) -> str:
        return "{}:{}: '{}' -> write '{}'".format(*self)


def findings(path: str, text: str) -> Iterator[Finding]:
    """Yield what is forbidden in the text of a file; `path` is relative to the repository."""
    for passage in passages(path, text):
        for match in _FORBIDDEN.finditer(passage.text):
            found = ' '.join(match.group().split())
            if not _is_allowed(path, found):
                yield Finding(path, _line(passage, match), found, _INSTEAD[str(match.lastgroup)])
    if path.endswith('.py'):
        riddle = _RIDDLE.match(ast.get_docstring(ast.parse(text)) or '')
        if riddle:
            yield Finding(path, 1, riddle.group().strip(), _NOUN)


def passages(path: str, text: str) -> Iterator[Passage]:
    """Yield the parts of a file that people read."""
    if path.endswith('.md'):
        yield Passage(1, text)
    elif path.endswith('.py'):
        source = text.splitlines()
        yield from _strings(ast.parse(text), source)
        yield _lines({t.start[0]: t.string[1:] for t in _comments(text)}, len(source))
    else:
        found = (re.search(r'(?:^|\s)#(.*)', line) for line in text.splitlines())
        comments = {n: match.group(1) for n, match in enumerate(found, start=1) if match}
        yield _lines(comments, len(text.splitlines()))


def _strings(node: ast.AST, source: Sequence[str]) -> Iterator[Passage]:
    """Yield the string literals below a node; what an f-string formats reads as {}."""
    text: Optional[str] = None
    below: List[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.JoinedStr):
        text = ''.join(str(p.value) if isinstance(p, ast.Constant) else '{}' for p in node.values)
        below = [part for part in node.values if isinstance(part, ast.FormattedValue)]
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    if text is not None and isinstance(node, ast.expr):
        yield Passage(node.lineno, text, source[node.lineno - 1 : node.end_lineno])
    for child in below:
        yield from _strings(child, source)


def _comments(text: str) -> Iterator[tokenize.TokenInfo]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return (token for token in tokens if token.type == tokenize.COMMENT)


def _lines(comments: Dict[int, str], count: int) -> Passage:
    """Return comments as one text of `count` lines: a phrase may go on in the next comment."""
    return Passage(1, '\n'.join(comments.get(n, '.') for n in range(1, count + 1)))


def _line(passage: Passage, match: 're.Match[str]') -> int:
    """Return the line of a match; a literal in several pieces is searched piece by piece."""
    for offset, line in enumerate(passage.source):
        if match.group() in line:
            return passage.line + offset
    return passage.line + (0 if passage.source else passage.text[: match.start()].count('\n'))


def _pattern(number_and_words: Tuple[int, str]) -> str:
    number, words = number_and_words
    return '(?P<w{}>{})'.format(number, words.replace(' ', r'\s+'))


_FORBIDDEN = re.compile(
    r'\b(?:{})(?!\w)'.format('|'.join(map(_pattern, enumerate(WORDS)))), re.IGNORECASE
)
_INSTEAD = {'w{}'.format(number): instead for number, instead in enumerate(WORDS.values())}


def _is_allowed(path: str, found: str) -> bool:
    return any(fnmatch(path, one.files) and fnmatch(found.lower(), one.word) for one in ALLOWED)


def _files(names: Sequence[str]) -> Iterator[Path]:
    endings = ('.py', '.md', '.msg', '.srv', '.action', '.yaml')
    for name in names:
        top = ROOT / name
        yield from (
            [top]
            if top.is_file()
            else sorted(path for path in top.rglob('*') if path.suffix in endings)
        )


def _folder(path: str) -> str:
    parts = path.split('/')
    return '/'.join(parts[:2] if parts[0] in ('hotswap_ros', 'docs') else parts[:1])


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Print the findings; return the exit code."""
    parser = argparse.ArgumentParser(description='Refuse words that have a better one.')
    parser.add_argument('paths', nargs='*', default=ROOTS, help='below the repository')
    parser.add_argument('--count', action='store_true', help='print numbers by folder only')
    asked = parser.parse_args(arguments)
    found = [
        finding
        for path in _files(asked.paths)
        for finding in findings(path.relative_to(ROOT).as_posix(), path.read_text('utf-8'))
    ]
    if asked.count:
        for folder, number in sorted(Counter(_folder(one.path) for one in found).items()):
            print('{:6} {}'.format(number, folder))
    else:
        for finding in found:
            print(finding)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
