# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Two coordinators: one journal has one, and of one fleet the later has it."""

import subprocess
import sys

import pytest

from hotswap_ros.rollout import (
    IN_MEMORY,
    Coordinator,
    Journal,
    JournalError,
    Status,
    TakenOverError,
    Verb,
)

MODEL = 'pick_policy'
HOLD = """
import sys
from hotswap_ros.rollout import Journal
journal = Journal(sys.argv[1])
journal.hold()
print('holds it', flush=True)
sys.stdin.read()
"""


def coordinator(path):
    return Coordinator(Journal(path), lambda: 'rollout', 1_000.0)


def told(fleet):
    return [event for _, event in fleet.events if event.kind == 'second_coordinator']


# -- one journal ----------------------------------------------------------------------------------


def test_a_journal_has_one_coordinator(fleet, plan, tmp_path):
    rollout = fleet.start(plan())
    (tmp_path / 'link.sqlite3').symlink_to(fleet.journal_path)
    for path in (fleet.journal_path, tmp_path / 'link.sqlite3'):
        with pytest.raises(JournalError, match=r'sqlite3: another coordinator holds it: stop'):
            coordinator(path)
    reader = Journal(fleet.journal_path)
    assert [found.rollout_id for found in reader.history()] == []
    fleet.step()
    assert [found.rollout_id for found in reader.history()] == [rollout], 'reading is free'
    reader.close()
    assert fleet.finish(rollout).status is Status.SUCCEEDED


def test_it_is_free_again_when_it_was_closed(fleet):
    fleet.kill_coordinator()
    assert coordinator(fleet.journal_path).epoch


def test_a_process_that_was_killed_holds_nothing(tmp_path):
    path = tmp_path / 'journal.sqlite3'
    pipes = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE}
    with subprocess.Popen([sys.executable, '-c', HOLD, path], **pipes) as other:
        assert other.stdout.readline() == b'holds it\n'
        with pytest.raises(JournalError, match="parameter 'journal'"):
            coordinator(path)
        other.kill()
    assert coordinator(path).epoch


def test_journals_in_memory_are_nobody_elses():
    assert coordinator(IN_MEMORY).epoch == coordinator(IN_MEMORY).epoch


# -- one fleet ------------------------------------------------------------------------------------


def test_who_hears_a_later_one_says_so_and_leaves_the_robots_to_it(fleet, plan):
    rollout = fleet.start(plan(stages=((50, 60_000), (100, 300))))
    fleet.run_until(lambda: fleet.candidates() == {'v24'})
    newer = fleet.coordinator.epoch + 7
    fleet.coordinator.on_heartbeat(newer, fleet.now)
    fleet.coordinator.on_heartbeat(newer + 1, fleet.now)
    fleet.robots['r00'].reboot('v25')
    saved = fleet.state(rollout).saved_at
    for _ in range(30):
        fleet.step()
        assert (fleet.commands, fleet.lease_rollouts) == ((), None)
    (event,) = told(fleet)
    assert (event.level.value, event.alert) == ('error', True)
    assert f'has taken over this fleet (epoch {newer}, this one has {newer - 7})' in event.text
    assert fleet.coordinator.taken_over == event.text
    assert fleet.state(rollout).saved_at == saved, 'it waits as it would for a restart'
    for ask in (
        lambda: fleet.coordinator.start(plan(), fleet.now),
        lambda: fleet.coordinator.roll_back(MODEL, 'v23', (), fleet.now),
        lambda: fleet.command(rollout, Verb.ABORT),
    ):
        with pytest.raises(TakenOverError, match='ask the other'):
            ask()
    assert fleet.coordinator.history()[0].status is Status.RUNNING
    fleet.boot_coordinator()
    fleet.run(5)
    assert fleet.serving('v25') == set(), 'started again it has the fleet again'


def test_an_earlier_one_or_one_that_began_at_once_is_told_of_once(fleet, plan):
    rollout = fleet.start(plan())
    own = fleet.coordinator.epoch
    for _ in range(10):
        fleet.coordinator.on_heartbeat(own - 1, fleet.now)
        fleet.coordinator.on_heartbeat(own, fleet.now)
        fleet.step()
    earlier, equal = told(fleet)
    assert 'falls silent when it hears this one' in earlier.text
    assert 'cannot tell them apart' in equal.text
    assert {event.level.value for event in (earlier, equal)} == {'warning'}
    assert fleet.finish(rollout).status is Status.SUCCEEDED
