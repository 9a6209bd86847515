# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The lint of words finds each forbidden word where people read, and lets other English pass."""

import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / 'scripts'

#: For each pattern, in the order of the table, sentences that it refuses.
OFFENCES = [
    ['The robot is owed a rollback.', 'It owes one.', 'Two debts are open.'],
    ['The rollback was paid.'],
    ['It was waived.'],
    ['the aftermath of it', 'Aftercare ended.'],
    ['A rival is heard.'],
    ['Keep a ledger.', 'its deeds'],
    ['an inquiry', 'Inquiries began.'],
    ['the incubator', 'a nurse'],
    ['an escape hatch', 'It was rescued.'],
    ['the wishes of the plan', 'It wished so.'],
    ['undo it', 'He undoes it.', 'undone'],
    ['It puts them back.', 'put\nback', 'putting back'],
    ['the way back', 'It goes back.', 'gone back', 'going back'],
    ['the policy version', 'policy\nversions'],
    ['a new model', 'the old models'],
    ['the flag value', 'the value of a flag', "the candidate's weight"],
    ['a group of robots', 'Group A is first.'],
    ['the control arm', 'both arms'],
    ['phase 2 begins'],
    ['the gate test', 'a test of the gate'],
    ['an episode', 'a job of a robot'],
    ['the wanted version', 'the target state', 'It wants routings.'],
    ['the held routing'],
    ['two silent robots'],
    ['Robots are away.', 'a robot that is lost', 'The robot went\nsilent.'],
    ['3 robots out of reach'],
    ['no robot in reach'],
    ['Two robots claim the name.', 'claims one id'],
    ['rollouts kept apart', 'keep them apart'],
    ['the extent of the harm'],
    ["the fleet's pace", 'the pace of tasks'],
]
INNOCENT = [
    'Unit tests test what they want.',
    'At a given time the target of the arm is held by one hand.',
    'A group of parameters has a weight; its phase is lost.',
    'The job holds a flag that is silent, apart from errors.',
    'A robot is two metres away; the file is gone.',
    'The model is new. It claims 5 GB within reach of the disk.',
    'Nine hatchbacks, a wishbone, undocumented and unpaid.',
    'Roll back, or put it on the table: the rollback is pending.',
    'The versions that robots want.',
]


@pytest.fixture
def words(monkeypatch):
    """Return scripts/check_words.py."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import check_words

    yield check_words
    del sys.modules['check_words']


def found(words, text, path='docs/page.md'):
    return [(one.line, ' '.join(one.found.split())) for one in words.findings(path, text)]


def test_every_pattern_has_an_offence(words):
    assert len(OFFENCES) == len(words.WORDS)


@pytest.mark.parametrize('number', range(len(OFFENCES)))
def test_each_pattern_catches_its_offences(words, number):
    instead = list(words.WORDS.values())[number]
    for sentence in OFFENCES[number]:
        assert [one.instead for one in words.findings('docs/page.md', sentence)] == [instead]


@pytest.mark.parametrize('sentence', INNOCENT)
def test_other_english_passes(words, sentence):
    assert found(words, sentence) == []


def test_literals_and_comments_of_python_are_read_and_names_are_not(words):
    text = '''
def owed(rival):
    """
    Return it.

    It is owed.
    """
    # Each robot that is away
    # is silent; put
    # back.
    name = f'{rival} was {"paid":>9} to ' 'a rival'
    return ('one '
            'way '
            'back', rival.ledger, 'out of'
            ' reach')
'''
    assert sorted(found(words, text, 'hotswap_ros/x.py')) == [
        (6, 'owed'),
        (8, 'robot that is away'),
        (9, 'put back'),
        (11, 'paid'),
        (11, 'rival'),
        (12, 'way back'),
        (14, 'out of reach'),
    ]


def test_what_is_formatted_stands_between_the_words(words):
    assert found(words, "x = f'phase {n} of 3'", 'launch/x.py') == [(1, 'phase {}')]
    assert found(words, "x = f'put {n} back'", 'launch/x.py') == []


@pytest.mark.parametrize('ending', ['.msg', '.srv', '.action', '.yaml'])
def test_comments_of_interfaces_are_read_and_keys_are_not(words, ending):
    text = 'owed: 1\nbool owed  # It is owed.\n# a way\n# back\n'
    assert found(words, text, f'msg/x{ending}') == [(2, 'owed'), (3, 'way back')]


def test_a_module_says_what_it_is(words):
    assert found(words, '"""What a gate says."""', 'hotswap_ros/x.py') == [(1, 'What')]
    assert found(words, '"""Whatever a gate says."""', 'hotswap_ros/x.py') == []
    assert found(words, 'def f():\n    """Which it is."""', 'hotswap_ros/x.py') == []


def test_exceptions_hold_in_their_files_alone(words):
    page = '| never | owed, incubator |'
    assert found(words, page, 'docs/explanation/glossary.md') == []
    assert len(found(words, page, 'docs/explanation/fleet.md')) == 2
    text = "x = 'incubator', 'rival'"
    assert found(words, text, 'hotswap_ros/serving/settings.py') == [(1, 'rival')]
    assert all(one.reason for one in words.ALLOWED)


def test_findings_are_printed_with_the_word_to_write(words, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(words, 'ROOT', tmp_path)
    (tmp_path / 'docs').mkdir()
    (tmp_path / 'docs' / 'a.md').write_text('Fine.\n\nIt is owed.\n')
    (tmp_path / 'docs' / 'b.txt').write_text('It is owed.')
    assert words.main(['docs']) == 1
    instead = 'unconfirmed (pending rollback)'
    assert capsys.readouterr().out == f"docs/a.md:3: 'owed' -> write '{instead}'\n"
    assert words.main(['docs', '--count']) == 1
    assert capsys.readouterr().out.split() == ['1', 'docs/a.md']
    (tmp_path / 'docs' / 'a.md').write_text('Fine.')
    assert words.main(['docs']) == 0
    assert capsys.readouterr().out == ''
