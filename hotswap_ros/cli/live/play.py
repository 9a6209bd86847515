# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What happens in a scenario that is played live, and what came of it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from rich.console import Console

from hotswap_ros.cli.verbs.scenario import show_event
from hotswap_ros.fleet import Event, Level
from hotswap_ros.nodes.client import CoordinatorError, FleetClient
from hotswap_ros.rollout import Cause, PauseReason, Status
from hotswap_ros.sim import Fault
from hotswap_ros.sim.nodes.client import inject
from hotswap_ros.sim.scenario import (
    OperatorAction,
    Played,
    Scenario,
    ScenarioError,
    differences,
    found_by,
    stage_reached,
)

_ANSWER_S = 60.0
#: Loading, routing and confirming are not quicker in a quick scenario: so many seconds are allowed
#: for them, and for so long a person waits for what cannot be done yet.
_MACHINERY_S = 30.0
#: The timeline is asked for so often, in seconds.
_LOOK_S = 0.5
#: Whoever is not heard by then is gone.
_LAST_WORD_S = 10.0
#: Durations of a plan that are the machinery's, not the scenario's.
_UNSCALED = {'lease', 'missing_after', 'confirm_timeout', 'swap_delay'}


class LivePlay:
    """Lets happen what a scenario says, `speed` times as fast, and tells what came of it."""

    def __init__(
        self, console: Console, scenario: Scenario, speed: float, client: FleetClient
    ) -> None:
        self._console = console
        self._scenario = scenario
        self._speed = speed
        self._client = client
        self._told: list[Event] = []
        self._alerts: list[tuple[str, Event]] = []
        self._refused: list[str] = []
        self._began = 0.0
        self._look_at = 0.0
        self._rollout_id = ''
        self._due = sorted(
            [(fault.at_s, partial(self._inject, fault)) for fault in scenario.faults]
            + [(a.at.total_seconds(), partial(self._act, a)) for a in scenario.operator],
            key=lambda entry: entry[0],
        )
        self._again_until: float | None = None
        client.listen_to_alerts(lambda name, event: self._alerts.append((name, event)))

    def run(self) -> Played:
        """Play it to its end. Raises ScenarioError, CoordinatorError or TimeoutError."""
        scenario, client = self._scenario, self._client
        self._began = time.monotonic()
        self._do_what_is_due()
        plan = scaled(scenario.plan.model_dump(mode='python', exclude_none=True), self._speed)
        future = client.start_rollout(json.dumps(plan, default=_as_text))
        limit_s = scenario.limit.total_seconds() / self._speed + _MACHINERY_S
        try:
            result = client.wait(future, limit_s, self._look)
        except TimeoutError:
            self._look(at_once=True)
        else:
            if not result.rollout_id:
                raise ScenarioError(f'the rollout was refused: {result.error_msg}')
        while self._due:
            self._pass_time(0.05)
        afterwards = scenario.afterwards or timedelta()
        self._pass_time(afterwards.total_seconds() / self._speed)
        self._hear_everybody_once_more()
        self._look(at_once=True)
        return self._found(client.report(self._rollout_id))

    def _hear_everybody_once_more(self) -> None:
        """Let it be what robots serve now, and not what those served that are gone."""
        known = len(self._client.robots)
        self._client.robots.clear()
        until = time.monotonic() + _LAST_WORD_S
        while len(self._client.robots) < known and time.monotonic() < until:
            self._pass_time(0.1)
        self._pass_time(1.0)

    def _pass_time(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._look()
            time.sleep(0.05)

    # -- what happens -----------------------------------------------------------------------------

    @property
    def _elapsed_s(self) -> float:
        """Return how long it has been going on, in the scenario's seconds."""
        return (time.monotonic() - self._began) * self._speed

    def _do_what_is_due(self) -> None:
        while self._due and self._due[0][0] <= self._elapsed_s:
            try:
                self._due[0][1]()
            except CoordinatorError as error:
                if self._may_wait():
                    return
                self._refused.append(f'at T+{timedelta(seconds=self._due[0][0])}: {error}')
            self._again_until = None
            del self._due[0]

    def _may_wait(self) -> bool:
        """Return whether what was refused may be possible soon."""
        now = time.monotonic()
        if self._again_until is None:
            self._again_until = now + _MACHINERY_S
        state = self._client.rollout_state
        has_ended = state is not None and state.is_terminal
        return now < self._again_until and not has_ended

    def _act(self, action: OperatorAction) -> None:
        if action.verb is None:
            self._put_back(action)
            return
        share = 0.0 if action.share is None else action.share
        try:
            self._client.control(action.verb.name, self._rollout_id, action.remark, share)
        except CoordinatorError as error:
            raise CoordinatorError(f'{action.do}: {error}') from error

    def _put_back(self, action: OperatorAction) -> None:
        model_id = self._scenario.fleet.model_id
        back = self._client.roll_back(model_id, action.to, action.robots)
        answer = self._client.wait(back, _ANSWER_S, self._listen)
        if answer.error_code:
            raise CoordinatorError(f'{action.do}: {answer.error_msg}')

    def _inject(self, fault: Fault) -> None:
        scaled_fault = fault.model_copy(update={'duration_s': fault.duration_s / self._speed})
        inject(self._client, scaled_fault)
        robots = ', '.join(fault.robots) or 'all robots'
        lasts = f' for {timedelta(seconds=fault.duration_s)}' if fault.duration_s else ''
        event = Event(
            time=time.time(),
            kind='fault',
            level=Level.WARNING,
            text=f'{fault.fault.value.replace("_", " ")} of {robots}{lasts}',
        )
        show_event(self._console, self._elapsed_s, event)

    # -- what is heard ----------------------------------------------------------------------------

    def _look(self, at_once: bool = False) -> None:
        self._do_what_is_due()
        now = time.monotonic()
        if at_once or now >= self._look_at:
            self._look_at = now + _LOOK_S
            self._listen()

    def _listen(self) -> None:
        self._rollout_id = self._rollout_id or self._client.status.rollout_id
        if not self._rollout_id:
            return
        report = self._client.report(self._rollout_id)
        events = [Event.model_validate(event) for event in report['events']]
        # What belongs to the rollout is in its report.
        others = [event for name, event in self._alerts.copy() if name != self._rollout_id]
        events = sorted([*events, *others], key=lambda event: event.time)
        for event in events:
            if event not in self._told:
                self._told.append(event)
                show_event(self._console, self._moment(report, event), event)

    def _moment(self, report: Mapping[str, Any], event: Event) -> float:
        return float(event.time - report['started']) * self._speed

    # -- what came of it --------------------------------------------------------------------------

    def _found(self, report: Mapping[str, Any]) -> Played:
        known = {reason.value: reason for reason in PauseReason}
        failed = [one['name'] for one in report['checks'] if one['verdict'] == 'fail']
        back, ended = report['rolling_back_since'], report['ended'] or time.time()
        caught_by = found_by(Cause(report['cause']), failed)
        diagnosis = report.get('diagnosis') or {}
        named = diagnosis.get('cause', report['reason'])
        served = Counter(robot.routing.stable for robot in self._client.robots.copy().values())
        played = Played(
            status=Status(report['status']),
            cause=Cause(report['cause']),
            reason=report['reason'],
            seconds=(ended - report['started']) * self._speed,
            back_s=0.0 if back is None else ended - back,
            stage=stage_reached([step['kind'] for step in report['steps']]),
            touched=len(report['robots_on_candidate']),
            tasks=report['tasks'],
            caught_by=caught_by,
            named=named,
            verdict=report['conclusions'][-1]['verdict'] if report['conclusions'] else '',
            served=served,
            pauses=tuple(known[event.kind] for event in self._told if event.kind in known),
            events=tuple((self._moment(report, event), event) for event in self._told),
        )
        expect = self._scenario.expect
        if expect.within is not None:
            allowed = timedelta(seconds=_MACHINERY_S * self._speed)
            expect = expect.model_copy(update={'within': expect.within + allowed})
        played.problems = (*self._refused, *differences(expect, played))
        return played


def scaled(data: Any, speed: float) -> Any:
    """Return a plan's data with its durations so many times shorter."""
    if isinstance(data, timedelta):
        return data / speed
    if isinstance(data, Mapping):
        return {
            key: value if key in _UNSCALED else scaled(value, speed) for key, value in data.items()
        }
    if isinstance(data, (list, tuple)):
        return [scaled(value, speed) for value in data]
    return data


def _as_text(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else str(value)
