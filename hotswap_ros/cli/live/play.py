# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Actions, faults and result of a live scenario."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from rich.console import Console

from hotswap_ros.cli.verbs.scenario import show_event, show_line
from hotswap_ros.fleet import Event, Level
from hotswap_ros.nodes.client import CoordinatorError, FleetClient
from hotswap_ros.sim import Fault
from hotswap_ros.sim.nodes.client import inject
from hotswap_ros.sim.scenario import (
    OperatorAction,
    Played,
    Scenario,
    ScenarioError,
    differences,
    played_of,
)

_ANSWER_S = 60.0
#: Extra seconds for loading, routing and confirming, which a higher speed does not shorten, and
#: longest wait of an operator for an action that is not possible yet.
_EXTRA_S = 30.0
#: Seconds between two polls of the timeline.
_POLL_S = 0.5
#: Longest wait in seconds for the last status of each robot.
_LAST_STATUS_S = 10.0
#: Durations of a plan that do not depend on the speed of the scenario.
_UNSCALED = {'lease', 'missing_after', 'confirm_timeout', 'swap_delay'}


class LivePlay:
    """A scenario in play, `speed` times as fast, and its result."""

    def __init__(
        self, console: Console, scenario: Scenario, speed: float, client: FleetClient
    ) -> None:
        self._console = console
        self._scenario = scenario
        self._speed = speed
        self._client = client
        self._shown: list[Event] = []
        self._alerts: list[Event] = []
        self._refused: list[str] = []
        self._began = 0.0
        self._poll_at = 0.0
        self._rollout_id = ''
        self._due = sorted(
            [(fault.at_s, partial(self._inject, fault)) for fault in scenario.faults]
            + [
                (action.at.total_seconds(), partial(self._act, action, robot_id))
                for action in scenario.operator
                for robot_id in action.given_to
            ],
            key=lambda entry: entry[0],
        )
        self._retry_until: float | None = None
        client.listen_to_alerts(self._alerts.append)

    def run(self) -> Played:
        """Play it to its end. Raises ScenarioError, CoordinatorError or TimeoutError."""
        scenario, client = self._scenario, self._client
        self._began = time.monotonic()
        self._run_due_actions()
        plan = scaled(scenario.plan.model_dump(mode='python', exclude_none=True), self._speed)
        future = client.start_rollout(json.dumps(plan, default=_as_text))
        limit_s = scenario.limit.total_seconds() / self._speed + _EXTRA_S
        try:
            result = client.wait(future, limit_s, self._poll)
        except TimeoutError:
            self._poll(at_once=True)
        else:
            if not result.rollout_id:
                raise ScenarioError(f'the rollout was refused: {result.error_msg}')
        while self._due:
            self._wait(0.05)
        afterwards = scenario.afterwards or timedelta()
        self._wait(afterwards.total_seconds() / self._speed)
        self._refresh_statuses()
        self._poll(at_once=True)
        return self._found(client.report(self._rollout_id))

    def _refresh_statuses(self) -> None:
        """Replace the statuses by new ones: robots that have stopped must not count."""
        known = len(self._client.robots)
        self._client.robots.clear()
        until = time.monotonic() + _LAST_STATUS_S
        while len(self._client.robots) < known and time.monotonic() < until:
            self._wait(0.1)
        self._wait(1.0)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._poll()
            time.sleep(0.05)

    # -- actions and faults -----------------------------------------------------------------------

    @property
    def _elapsed_s(self) -> float:
        """Return the time since the start, in seconds of the scenario."""
        return (time.monotonic() - self._began) * self._speed

    def _run_due_actions(self) -> None:
        while self._due and self._due[0][0] <= self._elapsed_s:
            try:
                self._due[0][1]()
            except CoordinatorError as error:
                if self._may_retry():
                    return
                self._refused.append(f'at T+{timedelta(seconds=self._due[0][0])}: {error}')
            self._retry_until = None
            del self._due[0]

    def _may_retry(self) -> bool:
        """Return whether a refused action may become possible soon."""
        now = time.monotonic()
        if self._retry_until is None:
            self._retry_until = now + _EXTRA_S
        state = self._client.rollout_state
        has_ended = state is not None and state.is_terminal
        return now < self._retry_until and not has_ended

    def _act(self, action: OperatorAction, robot_id: str) -> None:
        if action.verb is None:
            self._roll_back(action)
            return
        share = 0.0 if action.share is None else action.share
        try:
            name = action.verb.name
            self._client.control(name, self._rollout_id, action.remark, share, action.by, robot_id)
        except CoordinatorError as error:
            raise CoordinatorError(f'{action.do}: {error}') from error

    def _roll_back(self, action: OperatorAction) -> None:
        model_id = self._scenario.fleet.model_id
        future = self._client.roll_back(model_id, action.to, action.robots)
        answer = self._client.wait(future, _ANSWER_S, self._show_new_events)
        if answer.error_code:
            raise CoordinatorError(f'{action.do}: {answer.error_msg}')

    def _inject(self, fault: Fault) -> None:
        scaled_fault = fault.model_copy(update={'duration_s': fault.duration_s / self._speed})
        inject(self._client, scaled_fault)
        robots = ', '.join(fault.robots) or 'all robots'
        lasts = f' for {timedelta(seconds=fault.duration_s)}' if fault.duration_s else ''
        text = f'{fault.fault.value.replace("_", " ")} of {robots}{lasts}'
        show_line(self._console, self._elapsed_s, Level.WARNING, 'fault', text)

    # -- events -----------------------------------------------------------------------------------

    def _poll(self, at_once: bool = False) -> None:
        self._run_due_actions()
        now = time.monotonic()
        if at_once or now >= self._poll_at:
            self._poll_at = now + _POLL_S
            self._show_new_events()

    def _show_new_events(self) -> None:
        self._rollout_id = self._rollout_id or self._client.status.rollout_id
        if not self._rollout_id:
            return
        report = self._client.report(self._rollout_id)
        events = [Event.model_validate(event) for event in report['events']]
        # The events of the rollout are in its report.
        others = [e for e in self._alerts.copy() if e.rollout_id != self._rollout_id]
        events = sorted([*events, *others], key=lambda event: event.time)
        for event in events:
            if event not in self._shown:
                self._shown.append(event)
                show_event(self._console, self._moment(report, event), event)

    def _moment(self, report: Mapping[str, Any], event: Event) -> float:
        return float(event.time - report['started']) * self._speed

    # -- result -----------------------------------------------------------------------------------

    def _found(self, report: Mapping[str, Any]) -> Played:
        robots = self._client.robots.copy().values()
        served = [robot.routing.stable for robot in robots]
        played = played_of(report, self._shown, served, time.time(), self._speed)
        expect = self._scenario.expect
        if expect.within is not None:
            allowed = timedelta(seconds=_EXTRA_S * self._speed)
            expect = expect.model_copy(update={'within': expect.within + allowed})
        played.problems = (*self._refused, *differences(expect, played))
        return played


def scaled(data: Any, speed: float) -> Any:
    """Return a plan's data with its durations divided by `speed`."""
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
