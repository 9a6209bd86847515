# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page on the architecture has the rooms that there are, in the order that linters check."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / 'hotswap_ros'
PAGE = (ROOT / 'docs' / 'explanation' / 'architecture.md').read_text()
ROOMS = re.findall(r'^\| `(\w+)(?:/|\.py)` \|', PAGE, re.MULTILINE)


def test_every_room_is_there():
    folders = {path.parent.name for path in PACKAGE.glob('*/__init__.py')}
    modules = {path.stem for path in PACKAGE.glob('*.py')} - {'__init__'}
    assert set(ROOMS) == folders | modules


def test_their_order_is_that_of_the_layers():
    tomllib = pytest.importorskip('tomllib', reason='in the standard library from Python 3.11 on')
    contracts = tomllib.loads((ROOT / 'pyproject.toml').read_text())['tool']['importlinter']
    (layers,) = (one['layers'] for one in contracts['contracts'] if one['id'] == 'rooms')
    levels = {
        room: level
        for level, layer in enumerate(reversed(layers))
        for room in re.findall(r'\w+', layer)
    }
    assert [levels[room] for room in ROOMS] == sorted(levels.values())


def test_what_to_read_first_exists():
    found = re.findall(r'^\d\. `(\w+)\.(\w+)` in `([\w/]+\.py)`', PAGE, re.MULTILINE)
    assert len(found) == 3
    for kind, function, path in found:
        text = (PACKAGE / path).read_text()
        assert f'class {kind}:' in text
        assert f'def {function}(' in text


def test_the_files_and_folders_that_it_names_exist():
    found = re.findall(r'`(\w+/(?:[\w/]*/)?(?:\w+\.py)?)`', PAGE)
    assert 'rollout/joining.py' in found
    places = PACKAGE, ROOT
    assert [path for path in found if not any((one / path).exists() for one in places)] == []
