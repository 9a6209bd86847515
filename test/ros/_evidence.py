# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The journal of a killed coordinator, and the invariants that it must fulfil."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Set
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hotswap_ros.coordinator import ROLLBACK, Coordinator, Journal
from hotswap_ros.models import Routing
from hotswap_ros.plan import SetRouting
from hotswap_ros.rollout import RolloutState, Runner, Status


@dataclass(frozen=True)
class Evidence:
    """
    A journal as a killed process left it.

    The states of all rollouts, in the order in which they began, their final events, the desired
    routings by robot id, and the epoch. `orders` are the statuses of the rollbacks that were
    ordered, by id, `orders_ended` those whose end was told. `joined` are the robots that joined a
    rollout while it ran, with its id.
    """

    states: tuple[RolloutState, ...]
    ends: tuple[tuple[str, str], ...]
    desired: dict[str, Routing]
    epoch: int
    orders: dict[str, str]
    orders_ended: tuple[str, ...]
    joined: frozenset[tuple[str, str]]

    @property
    def active(self) -> RolloutState | None:
        """Return the rollout that has not ended."""
        return next((state for state in self.states if not state.status.is_terminal), None)

    def of(self, rollout_id: str) -> RolloutState | None:
        """Return a rollout's state, None when the journal does not have it."""
        return next((s for s in self.states if s.rollout_id == rollout_id), None)


def copied(journal: Path, folder: Path) -> Path:
    """Copy a journal with all that belongs to it, as it lies there: nobody may have it open."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for part in journal.parent.glob(f'{journal.name}*'):
        shutil.copy2(part, folder)
    return folder / journal.name


def read(journal: Path) -> Evidence:
    """Return what a journal says."""
    with closing(sqlite3.connect(journal)) as db:
        sql = 'SELECT state FROM rollouts WHERE strategy != ? ORDER BY rowid'
        states = db.execute(sql, (ROLLBACK,)).fetchall()
        sql = 'SELECT rollout_id, status FROM rollouts WHERE strategy = ?'
        orders = dict(db.execute(sql, (ROLLBACK,)).fetchall())
        events = db.execute('SELECT rollout_id, event FROM events ORDER BY id').fetchall()
        desired = db.execute('SELECT robot_id, entry FROM desired').fetchall()
        epochs = db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchall()
    told = [(rollout_id, json.loads(event)) for rollout_id, event in events]
    kinds = [(rollout_id, event['kind']) for rollout_id, event in told]
    final = {'succeeded', 'rolled_back', 'failed', 'aborted', 'superseded'}
    return Evidence(
        tuple(RolloutState.model_validate_json(row[0]) for row in states),
        tuple((i, kind) for i, kind in kinds if kind in final and i not in orders),
        {robot_id: Routing(**json.loads(entry)['routing']) for robot_id, entry in desired},
        epochs[0][0] if epochs else 0,
        orders,
        tuple(rollout_id for rollout_id, kind in kinds if kind in final and rollout_id in orders),
        frozenset(
            (i, r) for i, event in told if event['kind'] == 'joined' for r in event['robots']
        ),
    )


def check(now: Evidence, before: Evidence) -> None:
    """Hold a journal against itself, and against what it said at the kill before."""
    assert now.epoch >= before.epoch, 'the epoch went down'
    assert len({rollout_id for rollout_id, _ in now.ends}) == len(now.ends), 'it ended twice'
    ended = {(s.rollout_id, s.status.value) for s in now.states if s.status.is_terminal}
    assert ended == set(now.ends), 'states and events tell of other ends'
    for state in before.states:
        found = now.of(state.rollout_id)
        assert found is not None, f'{state.rollout_id} is forgotten'
        assert len(found.step_records) >= len(state.step_records), 'a step was forgotten'
        if state.status.is_terminal:
            assert outcome(found) == outcome(state), 'an end is not the end'
    assert set(before.orders) <= set(now.orders), 'a rollback that was ordered is forgotten'
    assert len(set(now.orders_ended)) == len(now.orders_ended), 'a rollback ended twice'
    over = {i for i, status in now.orders.items() if Status(status).is_terminal}
    assert over == set(now.orders_ended), 'rollbacks and events tell of other ends'
    for state in now.states:
        check_cohort(state, {robot_id for i, robot_id in now.joined if i == state.rollout_id})
    open_ = [s.previous.keys() for s in now.states if not s.status.is_terminal]
    assert sum(map(len, open_)) == len(set().union(*open_)), 'a robot is of two rollouts'


def outcome(state: RolloutState) -> tuple[Any, ...]:
    """Return what is settled once a rollout has ended."""
    return state.status, state.cause, state.reason, state.ended


def check_cohort(state: RolloutState, joined: Set[str]) -> None:
    """See that no robot has the candidate that no step which began names, or that joined those."""
    begun = state.steps[: len(state.step_records)]
    named = {r for step in begun if isinstance(step, SetRouting) for r in step.robots}
    beyond = state.served - named - joined
    assert not beyond, f'{beyond} are beyond the steps that began'


def check_replay(journal: Path, folder: Path) -> None:
    """See that a journal says the same whenever it is taken up, and that nothing is lost."""
    first, second = (_replayed(journal, folder / str(number)) for number in (1, 2))
    assert first == second, 'two replays of one journal differ'
    evidence = read(copied(journal, folder / 'read'))
    state = evidence.active
    if state is None:
        return
    runner = Runner(state.model_copy(deep=True))
    assert _content(runner.checkpoint(state.saved_at)) == _content(state), 'taken up, it differs'
    for one in runner.desired():
        found = evidence.desired[one.robot_id]
        assert replace(found, generation=0) == replace(one.routing, generation=0), (
            f'{one.robot_id}: the journal has another desired routing than its rollout'
        )


def _replayed(journal: Path, folder: Path) -> list[str]:
    opened = Journal(copied(journal, folder))
    try:
        coordinator = Coordinator(opened, lambda: 'none', now=2e9)
        states = [state.model_dump_json() for state in opened.active()]
        snapshot = coordinator.snapshot(2e9)
        return states + ([] if snapshot is None else [snapshot.state.model_dump_json()])
    finally:
        opened.close()


def _content(state: RolloutState) -> dict[str, Any]:
    return json.loads(state.model_dump_json())
