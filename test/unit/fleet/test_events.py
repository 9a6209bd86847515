# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Kinds of events: documented in code, and tied by type to pauses and ends."""

import re
from pathlib import Path

import pytest

from hotswap_ros.fleet import Event, EventKind, EventLog, Level
from hotswap_ros.rollout import END_EVENTS, PAUSE_EVENTS, PauseReason, Status

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_on_events_has_all_of_them():
    page = (ROOT / 'docs' / 'reference' / 'events.md').read_text()
    table = page.split('| kind | alert | what happened |')[1].split('\n\n')[0]
    assert set(re.findall(r'`(\w+)`', table)) == {kind.value for kind in EventKind}


@pytest.mark.parametrize('kind', EventKind, ids=str)
def test_a_kind_is_documented_in_one_sentence(kind):
    assert re.fullmatch(r'[A-Z][^.]+\.', kind.doc)


def test_the_message_names_the_kinds_that_may_be_alerts():
    text = (ROOT / 'msg' / 'Alert.msg').read_text()
    alerts = {kind.value for kind in EventKind if kind.may_alert} - {'unknown'}
    assert set(re.findall(r'"(\w+)"', text)) == alerts


def test_every_pause_and_every_end_has_a_kind_of_its_own():
    assert PAUSE_EVENTS.keys() == set(PauseReason) - {PauseReason.NONE}
    assert END_EVENTS.keys() == {status for status in Status if status.is_terminal}
    kinds = [*PAUSE_EVENTS.values(), *END_EVENTS.values()]
    assert len(kinds) == len(set(kinds))
    assert all(kind.may_alert for kind in END_EVENTS.values())


def test_a_kind_is_written_as_its_value():
    event = Event(time=1.0, kind='gate', level='info', text='')
    assert event.kind is EventKind.GATE
    assert (str(event.kind), f'{event.kind:<6}|') == ('gate', 'gate  |')
    assert event.model_dump(mode='json')['kind'] == 'gate'


def test_a_kind_of_a_newer_version_is_unknown():
    event = Event(time=1.0, kind='a_new_kind', level='info', text='what happened')
    assert (event.kind, event.text) == (EventKind.UNKNOWN, 'what happened')


def test_one_log_keeps_the_order_in_which_everybody_speaks():
    log = EventLog()
    first, second = log.of('first'), log.of('second')
    first(1.0, EventKind.STEP, Level.INFO, 'a')
    log.say(2.0, EventKind.CLOCK, Level.WARNING, 'b', ['r1'], alert=True)
    second(3.0, EventKind.STEP, Level.INFO, 'c')
    first(3.0, EventKind.STEP, Level.INFO, 'd')
    found = log.take()
    assert [(e.rollout_id, e.text) for e in found] == [
        ('first', 'a'),
        ('', 'b'),
        ('second', 'c'),
        ('first', 'd'),
    ]
    assert (found[1].robots, found[1].alert) == (('r1',), True)
    assert log.take() == []
