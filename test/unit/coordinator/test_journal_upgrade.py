# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A journal that the version before wrote: it is read, and nothing is lost."""

import json
import sqlite3

import pytest

from hotswap_ros.coordinator import Journal, JournalError
from hotswap_ros.coordinator.journal_sums import SUMMED
from hotswap_ros.coordinator.journal_upgrade import FORMAT
from hotswap_ros.rollout import Status

MODEL = 'pick_policy'
OLD_KINDS = {
    'rollback_pending': 'owed',
    'rollback_confirmed': 'paid',
    'rollback_dropped': 'waived',
}
OLD_KEYS = {
    'rolls_back': 'undoes',
    'unconfirmed': 'owed',
    'timed_out': 'silent',
    'replaced': 'away',
    'impact': 'extent',
}


def renamed(data):
    return {OLD_KEYS.get(key, key): value for key, value in data.items()}


def make_old(path):
    """Write a journal as the version before did."""
    with sqlite3.connect(path) as db:
        for number, event in db.execute('SELECT id, event FROM events').fetchall():
            event = json.loads(event)
            event['kind'] = OLD_KINDS.get(event['kind'], event['kind'])
            db.execute('UPDATE events SET event = ? WHERE id = ?', (json.dumps(event), number))
        rows = db.execute('SELECT rollout_id, strategy, state, report FROM rollouts').fetchall()
        for rollout_id, strategy, state, report in rows:
            state, report = json.loads(state), json.loads(report)
            if report['rollback'] is not None:
                report['rollback'] = renamed(report['rollback'])
            if strategy == 'Rollback':
                state, report = renamed(state), renamed(report)
            else:
                state['steps'] = [{'title': 'load it', **step} for step in state['steps']]
            db.execute(
                'UPDATE rollouts SET state = ?, report = ? WHERE rollout_id = ?',
                (json.dumps(state), json.dumps(report), rollout_id),
            )
        for table in SUMMED:
            db.execute(f'ALTER TABLE {table} DROP COLUMN sum')
        db.execute('PRAGMA user_version = 0')


def content(journal):
    """Return everything that can be read from a journal."""
    history = journal.history()
    return (
        history,
        [journal.report(found.rollout_id) for found in history],
        journal.active(),
        journal.active_rollbacks(),
        journal.pending_rollbacks(),
        journal.untold(),
    )


@pytest.fixture
def path(fleet, plan):
    """Return a journal with events of all kinds, a pending rollback and one under way."""
    rollout = fleet.start(plan())
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    for name in ('r03', 'r04', 'r05'):
        fleet.robots[name].online = False
    fleet.run(7)
    fleet.events_are_delivered = False
    fleet.coordinator.roll_back(MODEL, 'v23', (), fleet.now)
    fleet.run(5)
    fleet.robots['r05'].online = True
    fleet.run(7)
    fleet.coordinator.roll_back(MODEL, 'v24', ('r03', 'r06'), fleet.now)
    fleet.robots['r06'].deaf = True
    fleet.run(7)
    fleet.kill_coordinator()
    return fleet.journal_path


def test_it_says_the_same_under_the_new_names(path):
    journal = Journal(path)
    before = content(journal)
    journal.close()
    history, reports, _, (active,), (pending,), _ = before
    kinds = {event['kind'] for report in reports for event in report['events']}
    assert kinds >= {'rollback_confirmed', 'rollback_dropped'}
    assert (active.unconfirmed, pending.robots) == (('r03', 'r06'), {'r04': 'v23'})
    assert [found.rolls_back for found in history][1:] == [history[2].rollout_id, '']
    make_old(path)
    assert content(Journal(path)) == before


def test_it_is_upgraded_once(path):
    make_old(path)
    for _ in range(2):
        Journal(path).close()
        with sqlite3.connect(path) as db:
            assert db.execute('PRAGMA user_version').fetchone() == (FORMAT,)


def test_one_that_a_running_coordinator_holds_stays_as_it_is(path):
    holder = Journal(path)
    holder.hold()
    make_old(path)
    with pytest.raises(JournalError, match=rf"{path}.*parameter 'journal'"):
        Journal(path)
    holder.close()
    with sqlite3.connect(path) as db:
        kinds = {json.loads(event)['kind'] for (event,) in db.execute('SELECT event FROM events')}
    assert kinds & set(OLD_KINDS.values())


def test_a_coordinator_continues_with_it(path, fleet):
    make_old(path)
    fleet.boot_coordinator()
    fleet.robots['r04'].online, fleet.robots['r06'].deaf = True, False
    fleet.run(20)
    assert fleet.serving('v24') >= {'r06'}
    assert fleet.robots['r04'].routing.stable == 'v23'
    _, first, _ = fleet.coordinator.history()
    assert fleet.coordinator.report(first.rollout_id)['rollback']['unconfirmed'] == []
    assert fleet.coordinator.history()[0].status is Status.ROLLED_BACK
