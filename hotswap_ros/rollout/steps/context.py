# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Context of a step's action, and its outcome."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from hotswap_ros.fleet.events import Say
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.plan import SuccessCriteria
from hotswap_ros.rollout.evidence.gate_feed import GateFeed
from hotswap_ros.rollout.robot_progress import Mark
from hotswap_ros.rollout.state import RolloutState
from hotswap_ros.rollout.status import Cause, PauseReason
from hotswap_ros.rollout.steps.cohort import Cohort


class Move(enum.Enum):
    """The next action of the runner, see Outcome."""

    WAIT = enum.auto()
    DONE = enum.auto()
    PAUSE = enum.auto()
    UNDECIDED = enum.auto()
    BACK = enum.auto()


@dataclass(frozen=True)
class Outcome:
    """
    The result of one run of a step's action.

    WAIT: run it again. DONE: go to the next step. PAUSE: pause, for `reason`. UNDECIDED: the gate
    cannot decide, and the plan says what to do; without any task (`has_seen`) it cannot continue.
    BACK: roll back, for `cause`; `robots` did not do what they were asked to do. `text` says why,
    for people.
    """

    move: Move
    text: str = ''
    reason: PauseReason = PauseReason.NONE
    cause: Cause = Cause.NONE
    has_seen: bool = True
    robots: tuple[str, ...] = ()


WAIT = Outcome(Move.WAIT)
DONE = Outcome(Move.DONE)


@dataclass(frozen=True)
class StepContext:
    """
    One look at the rollout and the fleet.

    `cohort` are the robots of the step. `waiting` returns the reachable robots that do not yet
    report what they should serve.
    """

    state: RolloutState
    view: FleetView
    gate_feed: GateFeed
    now: float
    cohort: Cohort
    waiting: Callable[[], Set[str]]
    say: Say

    def mark(self, robot_id: str) -> Mark:
        """Return what the version had done on a robot before it first served it."""
        plan = self.state.plan
        known = self.state.robots[robot_id].mark
        return known or Mark.of(plan.version, self.view.telemetry(plan.model_id, robot_id))

    def tasks_of_new(self, enough: int) -> int:
        """Return the candidate's tasks on the robots that are new in the step, up to `enough`."""
        model_id, version, found = self.state.plan.model_id, self.state.plan.version, 0
        for robot_id in self.cohort.new:
            mark = self.state.robots[robot_id].mark
            if mark is not None:
                found += mark.tasks_since(version, self.view.telemetry(model_id, robot_id))
            if found >= enough:
                return enough
        return found

    @property
    def criteria(self) -> SuccessCriteria:
        """Return the criteria of the gate in force."""
        watch = self.state.watch
        return self.state.plan.success_criteria if watch is None else watch.criteria

    @property
    def elapsed_s(self) -> float:
        """Return for how long the step has been running, without pauses."""
        return self.now - self.state.step_records[-1].started


def late(
    context: StepContext,
    timeout_s: float,
    describe: Callable[[Sequence[str], float], str],
    waited_for: Set[str],
) -> Outcome:
    """Wait for robots until the timeout, then roll back; `describe` says what is missing."""
    if context.elapsed_s < timeout_s:
        return WAIT
    robots = sorted(waited_for)
    text = describe(robots, timeout_s)
    return Outcome(Move.BACK, text, cause=Cause.TIMED_OUT, robots=tuple(robots))
