# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Sentences that people read, by room, rendered from fixed values.

A module in golden/ is a room: its function `sentences()` yields pairs of a key and a sentence, in
a fixed order and without anything that depends on the machine or on time. A key is unique in its
room. golden/sentences.txt holds what all rooms yield; after a better wording, rewrite it with

    python -m pytest test/unit/test_sentences.py --update-golden
"""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).with_name('golden')
FILE = FOLDER / 'sentences.txt'
ROOMS = sorted(path.stem for path in FOLDER.glob('*.py'))
SCRIPTS = FOLDER.parents[2] / 'scripts'


def rendered(room):
    """Return the section of a room: a heading, and one line for each sentence."""
    pairs = list(importlib.import_module(f'golden.{room}').sentences())
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), 'each key once'
    assert not [key for key in keys if ': ' in key or '\n' in key]
    lines = (f'{key}: {sentence}'.replace('\n', '\n    ') for key, sentence in pairs)
    return '\n'.join([f'[{room}]', *lines])


@pytest.fixture(scope='module')
def agreed(request):
    """Return the sections of the golden file, by room."""
    if request.config.getoption('--update-golden'):
        FILE.write_text('\n\n'.join(map(rendered, ROOMS)) + '\n')
    sections = FILE.read_text().rstrip('\n').split('\n\n')
    return {section.split(']')[0].removeprefix('['): section for section in sections}


@pytest.mark.parametrize('room', ROOMS)
def test_sentences_are_the_agreed_ones(room, agreed):
    assert rendered(room).splitlines() == agreed[room].splitlines()


def test_the_file_has_no_other_room(agreed):
    assert sorted(agreed) == ROOMS


def test_sentences_have_the_words_of_the_project(agreed, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import check_words

    del sys.modules['check_words']
    for room, section in agreed.items():
        assert [str(found) for found in check_words.findings(f'golden/{room}.md', section)] == []
