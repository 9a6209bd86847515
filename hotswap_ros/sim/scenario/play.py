# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Execution of a scenario in virtual time, and comparison with its expected end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hotswap_ros.fleet import Event
from hotswap_ros.rollout import PAUSE_EVENTS, Cause, PauseReason, RolloutError, Status
from hotswap_ros.sim.scenario.scenario import (
    BREAKER,
    LOAD,
    PEOPLE,
    Expected,
    OperatorAction,
    Scenario,
)
from hotswap_ros.sim.virtual import VirtualClock, VirtualFleet, VirtualSession

#: Monday, 5 January 2026, 08:00 UTC.
_BEGINS = 1_767_600_000.0
_LOADS = (Cause.STAGING_FAILED, Cause.UNKNOWN_VERSION, Cause.DIGEST_MISMATCH)
_PEOPLE = (Cause.BY_HAND, Cause.CANCELED, Cause.REFUSED)
_PAUSES = {kind: reason for reason, kind in PAUSE_EVENTS.items()}


@dataclass
class Played:
    """
    The result of a scenario. Times are seconds since its start.

    `caught_by` is the cause that ended a rollout without success, and `named` the first hypothesis
    of its report, or else its reason. `touched` counts the robots that had run the version,
    `stage` is the last stage that it had reached, from 1, and `tasks` counts its finished tasks
    under gates. `rollback_s` is the duration of the rollback.
    """

    status: Status
    cause: Cause
    reason: str
    seconds: float
    rollback_s: float
    stage: int
    touched: int
    tasks: int
    caught_by: str
    named: str
    verdict: str
    served: Mapping[str, int]
    pauses: tuple[PauseReason, ...]
    events: tuple[tuple[float, Event], ...] = ()
    problems: tuple[str, ...] = field(default=())

    @property
    def as_expected(self) -> bool:
        """Return whether the scenario ended as expected."""
        return not self.problems


def play(
    scenario: Scenario, outcomes: Path, on_event: Callable[[float, Event], None] | None = None
) -> Played:
    """
    Play a scenario in virtual time with the outcomes of a folder.

    `on_event` is called with every event; without it, gates compute no intervals, which is much
    faster. Raises ScenarioError or FaultError.
    """
    truth = scenario.outcomes(outcomes)
    clock = VirtualClock(_BEGINS)
    fleet = VirtualFleet(scenario.fleet, truth, clock, scenario.seed, scenario.faults)
    session = VirtualSession(fleet, clock, explain=on_event is not None)
    try:
        return _Play(scenario, session, on_event).run()
    finally:
        session.close()


class _Play:
    def __init__(
        self,
        scenario: Scenario,
        session: VirtualSession,
        on_event: Callable[[float, Event], None] | None,
    ) -> None:
        self._scenario = scenario
        self._session = session
        self._on_event = on_event
        self._told = 0
        self._refused: list[str] = []
        self._rollout_id = ''
        self._began = 0.0

    def run(self) -> Played:
        scenario, session = self._scenario, self._session
        self._began = session.clock.now
        for action in scenario.operator:
            at = self._began + action.at.total_seconds()
            for robot_id in action.given_to:
                session.clock.call_at(at, partial(self._act, action, robot_id))
        session.on_look.append(self._take_events)
        self._rollout_id = session.start(scenario.plan)
        session.run(self._is_over, scenario.limit.total_seconds())
        if scenario.afterwards is not None:
            session.run(lambda: False, scenario.afterwards.total_seconds())
        return self._found()

    def _is_over(self) -> bool:
        waits = any(
            self._began + action.at.total_seconds() >= self._session.clock.now
            for action in self._scenario.operator
        )
        return self._rollout_id in self._session.ended and not waits

    def _act(self, action: OperatorAction, robot_id: str) -> None:
        try:
            if action.verb is None:
                self._session.roll_back(action.to, action.robots)
            else:
                self._session.command(
                    self._rollout_id, action.verb, action.remark, action.share, action.by, robot_id
                )
        except RolloutError as error:
            self._refused.append(f'at {action.at}: {action.do}: {error}')

    def _take_events(self) -> None:
        new, self._told = self._session.events[self._told :], len(self._session.events)
        if self._on_event is not None:
            for event in new:
                self._on_event(event.time - self._began, event)

    def _found(self) -> Played:
        played = played_of(
            self._session.coordinator.report(self._rollout_id),
            self._session.events,
            self._session.fleet.served().values(),
            self._session.clock.now,
        )
        played.problems = (*self._refused, *differences(self._scenario.expect, played))
        return played


def played_of(
    report: Mapping[str, Any],
    events: Sequence[Event],
    served: Iterable[str],
    now: float,
    speed: float = 1.0,
) -> Played:
    """
    Return the result of a rollout that was `speed` times as fast as its scenario, from its report.

    `served` has the stable version of each robot. A rollout that has not ended counts until `now`.
    """
    started, rolled_back = report['started'], report['rolling_back_since']
    ended = now if report['ended'] is None else report['ended']
    cause, diagnosis = Cause(report['cause']), report['diagnosis'] or {}
    failed = [check['name'] for check in report['checks'] if check['verdict'] == 'fail']
    return Played(
        status=Status(report['status']),
        cause=cause,
        reason=report['reason'],
        seconds=(ended - started) * speed,
        rollback_s=math.nan if rolled_back is None else ended - rolled_back,
        stage=_stage_reached([step['kind'] for step in report['steps']]),
        touched=len(report['robots_on_candidate']),
        tasks=report['tasks'],
        caught_by=_found_by(cause, failed),
        named=diagnosis.get('cause', report['reason']),
        verdict=report['conclusions'][-1]['verdict'] if report['conclusions'] else '',
        served=Counter(served),
        pauses=tuple(_PAUSES[event.kind] for event in events if event.kind in _PAUSES),
        events=tuple(((event.time - started) * speed, event) for event in events),
    )


def _found_by(cause: Cause, failed: Sequence[str]) -> str:
    """Return what caught a version, by `cause` and failed checks; empty: nothing did."""
    if cause in _LOADS:
        return LOAD
    if cause in _PEOPLE:
        return PEOPLE
    if cause is Cause.GATE_FAILED:
        return failed[0] if failed else BREAKER
    return '' if cause is Cause.NONE else cause.value


def _stage_reached(begun: Sequence[str]) -> int:
    """Return the stage that a rollout has reached, from 1, by the kinds of the steps begun."""
    return max(1, begun.count('observe') or begun.count('set_routing'))


def differences(expect: Expected, played: Played) -> list[str]:
    """Return the differences between the expected and the actual end, in words."""
    found = []
    for name, wanted, got in (
        ('status', expect.status, played.status),
        ('cause', expect.cause, played.cause),
        ('verdict', expect.verdict, played.verdict),
        ('pauses', expect.pauses, played.pauses),
    ):
        if wanted is not None and wanted != got:
            found.append(f'{name} is {_said(got)}, expected {_said(wanted)}: {played.reason}')
    if expect.caught_by and played.caught_by not in expect.caught_by:
        wanted = ' or '.join(expect.caught_by)
        found.append(f'caughtBy is {_said(played.caught_by)}, expected {wanted}: {played.reason}')
    if expect.names is not None and expect.names.lower() not in played.named.lower():
        found.append(f"first cause in the report: '{played.named}', expected '{expect.names}'")
    for version, robots in expect.served.items():
        served = played.served.get(version, 0)
        if served != robots:
            found.append(f'{version} is served by {served} robots, expected {robots}')
    for name, value, low, high in (
        ('robots on the version', played.touched, expect.robots_at_least, expect.robots_at_most),
        ('last stage', played.stage, None, expect.stage_at_most),
        ('seconds', played.seconds, _seconds(expect.after), _seconds(expect.within)),
        ('seconds of the rollback', played.rollback_s, None, _seconds(expect.rollback_within)),
    ):
        if low is not None and not value >= low:
            found.append(f'{name}: {value:g}, expected {low:g} or more')
        if high is not None and not value <= high:
            found.append(f'{name}: {value:g}, expected {high:g} at most')
    texts = '\n'.join(event.text for _, event in played.events)
    found += [f"no event contains '{text}'" for text in expect.says if text not in texts]
    return found


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return ', '.join(map(_said, value)) or 'none'
    return str(getattr(value, 'value', value)) or 'none'


def _seconds(duration: object) -> float | None:
    seconds = getattr(duration, 'total_seconds', None)
    return None if seconds is None else float(seconds())
