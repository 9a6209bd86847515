# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Rollouts during which the coordinator is killed again and again, and what must hold all the same.

The seed decides what is rolled out, what people say and when the coordinator dies. What the
machine makes of that differs from run to run: a failure leaves the journal and the logs behind.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import _evidence
from _evidence import Evidence
from _rounds import BAD, BASE, KINDS, ROBOTS, Orders, Round
from _world import Program, Site

from hotswap_ros import msg
from hotswap_ros.nodes import qos
from hotswap_ros.rollout import RolloutState, Status

#: A moment that does not come within so many seconds of the start is not waited for.
_PATIENT_FOR_S = 3.0
#: What a round may take, in seconds without a kill and in kills: several times what it needs.
_ROUND_S, _ROUND_KILLS = 60.0, 80
_UP = 'the start'
_ENDS = {status.value for status in Status if status.is_terminal}


class Moment(NamedTuple):
    """When to kill: so many seconds after the start, a change, a word or a rollback."""

    after: str
    delay_s: float

    def __str__(self) -> str:
        return f'{1000 * self.delay_s:.0f} ms after {self.after}'


class Storm:
    """
    Kills the coordinator of a site at moments that `seed` chooses; `say` hears what happens.

    Raises AssertionError at the first thing that does not hold; `save` then puts what is needed to
    look into it into a folder.
    """

    def __init__(self, site: Site, seed: int, say: Callable[[str], None] = print) -> None:
        self._site = site
        self._random = random.Random(seed)
        self._say = say
        self._began = time.monotonic()
        self._journal = site.folder / 'journal.sqlite3'
        self._evidence = Evidence((), (), {}, 0, {}, (), frozenset())
        self._came: dict[str, float] = {}
        self._told: set[tuple[str, str]] = set()
        self._read: Counter[int] = Counter()
        self._routings: dict[str, Any] = {}
        self._heard: list[Any] = []
        self._kill_at = 0.0
        self.counts: Counter[str] = Counter()
        world = site.world
        world.do(
            lambda: world.node.create_subscription(
                msg.RobotStatus, '/fleet/status', self._heard.append, qos.EVENT
            )
        )
        site.run_fleet(ROBOTS, speed=40.0)
        self._orders = Orders(world)
        self._earlier: set[str] = set()
        self._round = self._next_round()

    def run(self, kills: int) -> None:
        """Kill so often, then let the round that is under way come to its end."""
        coordinator = self._boot()
        for number in range(1, kills + 1):
            moment = self._moment()
            self._wait_for(moment, coordinator)
            self._kill(coordinator, f'kill {number} of {kills}, {moment}')
            coordinator = self._boot()
        give_up_at = time.monotonic() + _ROUND_S
        while not self._round.is_over:
            assert time.monotonic() < give_up_at, f'no end of {self._round}: {self._serve()}'
            self._go_on()
        coordinator.kill()
        self._look_into_the_journal()
        told = {rollout_id for rollout_id, _ in self._told}
        # Of the last one the alert may have died with the coordinator, which is not started again.
        ended = {i for i, _ in self._evidence.ends[:-1]} | {*self._evidence.orders_ended[:-1]}
        assert ended <= told, f'no alert of the end of {ended - told}'
        self._tell(f'{kills} kills, {sum(self.counts.values())} rounds: {dict(self.counts)}')

    def save(self, folder: Path) -> None:
        """Put journals and logs into a folder."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._site.folder, folder)

    # -- kills ------------------------------------------------------------------------------------

    def _moment(self) -> Moment:
        after = self._random.choice([_UP, 'a change', 'a change', 'a rollback', 'a word'])
        return Moment(after, self._random.uniform(0, 3.0 if after == _UP else 0.1))

    def _wait_for(self, moment: Moment, coordinator: Program) -> None:
        self._came.clear()
        coordinator.wait_for_log('ready, journal')
        self._came[_UP] = time.monotonic()
        while time.monotonic() < self._due(moment):
            self._go_on()

    def _due(self, moment: Moment) -> float:
        came = self._came.get(moment.after)
        return self._came[_UP] + _PATIENT_FOR_S if came is None else came + moment.delay_s

    def _boot(self) -> Program:
        return self._site.run(
            'fleet_coordinator',
            journal=str(self._journal),
            heartbeat_period_s=0.2,
            unreachable_after_s=2.0,
        )

    def _kill(self, coordinator: Program, what: str) -> None:
        coordinator.kill()
        self._round.kills += 1
        assert self._round.kills <= _ROUND_KILLS, f'no end of {self._round}: {self._serve()}'
        assert 'Traceback' not in coordinator.log, coordinator.log
        self._look_into_the_journal()
        self._tell(f'{what}: {self._round}')

    def _look_into_the_journal(self) -> None:
        copy = _evidence.copied(self._journal, self._site.folder / 'copies' / 'last')
        now = _evidence.read(copy)
        _evidence.check(now, self._evidence)
        _evidence.check_replay(self._journal, self._site.folder / 'copies')
        for state in now.states:
            _check_bad_version(state)
        self._evidence = now

    # -- what goes on -----------------------------------------------------------------------------

    def _next_round(self) -> Round:
        kind = self._random.choice(KINDS)
        return Round(kind, self._random.uniform(0.0, 3.0), self._earlier)

    def _go_on(self) -> None:
        """Hear what is new, check it, and say what is due."""
        if self._round.is_over:
            self._earlier.add(self._round.rollout_id)
            self._round = self._next_round()
        self._hear()
        if self._round.go_on(self._site.robots, self._orders):
            self._came['a word'] = time.monotonic()
        if self._round.is_over:
            self.counts[self._round.kind] += 1
            self._tell(f'{self._round} is over, {BASE} serves everywhere')
        time.sleep(0.002)

    def _hear(self) -> None:
        for status in self._new(self._site.statuses.messages):
            if self._round.hear(status):
                self._came['a change'] = time.monotonic()
                if self._round.status is Status.ROLLING_BACK:
                    self._came['a rollback'] = time.monotonic()
        for alert in self._new(self._site.alerts.messages):
            if alert.kind in _ENDS:
                # After a kill the same end may be told again: at least once, and never another.
                others = {kind for i, kind in self._told if i == alert.rollout_id} - {alert.kind}
                assert not others, f'{alert.rollout_id} ended: alerts {others} and {alert.kind}'
                self._told.add((alert.rollout_id, alert.kind))
        for robot in self._new(self._heard):
            if robot.routing != self._routings.get(robot.robot_id):
                self._routings[robot.robot_id] = robot.routing
                self._check_routing(robot.robot_id, robot.routing)

    def _new(self, heard: list[Any]) -> list[Any]:
        found = heard[self._read[id(heard)] :]
        self._read[id(heard)] += len(found)
        return found

    def _check_routing(self, robot_id: str, routing: Any) -> None:
        """See that a robot serves what a rollout or a rollback is about, as the journal has it."""
        if (routing.stable, routing.candidate) in ((BASE, ''), ('', '')):
            return
        what = f'{robot_id} serves {routing.stable} and {routing.candidate or "nothing"} beside it'
        # Rounds begin and end with BASE on all robots, and the journal is written before a robot
        # hears of anything: what it allows now has been allowed since the round began.
        state = self._state_in_journal(self._round.rollout_id or routing.salt)
        assert state is not None, f'{what}: the journal knows no such rollout'
        assert routing.stable == BASE or robot_id in state.promoted, what
        if routing.candidate:
            assert routing.salt == state.rollout_id, f'{what}, for {routing.salt}'
            assert routing.candidate == state.plan.version, what
            assert robot_id in state.served, f'{what}, beyond its cohort'

    def _state_in_journal(self, rollout_id: str) -> RolloutState | None:
        with closing(sqlite3.connect(f'file:{self._journal}?mode=ro', uri=True)) as db:
            asked = ('SELECT state FROM rollouts WHERE rollout_id = ?', (rollout_id,))
            rows = db.execute(*asked).fetchall()
        return RolloutState.model_validate_json(rows[0][0]) if rows else None

    def _serve(self) -> dict[str, tuple[str, str]]:
        robots = self._site.robots.values()
        return {r.robot_id: (r.routing.stable, r.routing.candidate) for r in robots}

    def _tell(self, text: str) -> None:
        self._say(f'{time.monotonic() - self._began:6.1f} s  {text}')


def _check_bad_version(state: RolloutState) -> None:
    """See that the version which never succeeds has not got beyond the first stage."""
    if state.plan.version != BAD:
        return
    first = next(step for step in state.steps if step.kind == 'set_routing')
    assert state.served <= set(first.robots), 'the bad version is beyond its cohort'
    assert not state.promoted, 'the bad version was promoted'
