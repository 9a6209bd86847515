# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gates of a rollout: the counters that they get, and their verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hotswap_ros.fleet.reports import Telemetry
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.gates import CheckResult, Gate, Verdict
from hotswap_ros.models import Routing
from hotswap_ros.plan import Observe, Role, SuccessCriteria, Watch
from hotswap_ros.rollout.evidence.diagnosis import RolloutDiagnosis
from hotswap_ros.rollout.evidence.freshness import Freshness
from hotswap_ros.rollout.evidence.trial_counts import TrialCounts
from hotswap_ros.rollout.state import RolloutState

#: Tasks of a robot that is unreachable for longer, in seconds, count as failed.
_GIVEN_UP_AFTER_S = 120.0
#: Checks that judge a shadow; all others need tasks that the candidate acted in.
_OF_SHADOWS = ('shadow', 'input_drift', 'unreachable')
#: Checks that compare the versions, whichever of them is new.
_RELATIVE = (
    'success',
    'grave_events',
    'latency_increase',
    'categories',
    'progress',
    'duration',
    'interventions',
)
#: Checks whose failure rolls back at once, in every step.
HARD_LINES = ('stuck',)


class GateFeed:
    """
    Keeps the gates of a rollout, one for each watch, and asks the gate in force.

    A trial has a second gate with exchanged roles, which finds harm of the control.
    """

    def __init__(self, state: RolloutState, *, explain: bool) -> None:
        self._state = state
        self._explain = explain
        self._gate: Gate | None = None
        self._mirror: Gate | None = None
        self.trial_counts = TrialCounts(state.trial_counts)
        self._fed: dict[str, Telemetry] = {}
        #: By robot, its boot id and the generation of its routing in the last counters.
        self._orders: dict[str, tuple[str, int]] = {}
        self._scanned: tuple[FleetView | None, int] = (None, -1)
        self._seen = -1
        self._watched: Mapping[str, float] = {}
        self._freshness = Freshness()
        self._given_up: set[str] = set()
        self.diagnosis = RolloutDiagnosis(state)
        self.checks: tuple[CheckResult, ...] = ()
        self._lost: tuple[CheckResult, ...] = ()
        self.failed_queries = 0
        self.query_error = ''
        #: Why the gate cannot use its evidence from before a restart; empty: it can.
        self.lost_evidence = ''
        if state.watch is not None:
            self._open(state.watch)
            self._ask()

    # -- which gate -------------------------------------------------------------------------------

    def begin(self, watch: Watch) -> None:
        """Put the gate of a watch in force, and create it at first."""
        if watch == self._state.watch:
            return
        self.save()
        self._state.watch = watch
        self._state.is_proven = False
        self._state.signals_said = ()
        self._fed.clear()
        self._scanned = (None, -1)
        self._open(watch)
        if watch.name not in self._state.gates:
            self.trial_counts = TrialCounts()

    def _open(self, watch: Watch) -> None:
        version = self._state.plan.version
        self._gate = self._made(watch, watch.name, watch.criteria, version)
        self._mirror = None
        if watch.control_criteria is not None:
            criteria, stable = watch.control_criteria, self._state.stable
            self._mirror = self._made(watch, _mirrored(watch), criteria, stable)

    def _made(self, watch: Watch, name: str, criteria: SuccessCriteria, version: str) -> Gate:
        dumped = self._state.gates.get(name)
        if dumped is None:
            return Gate(criteria, version, stages=watch.stages, explain=self._explain)
        try:
            return Gate.load(criteria, version, dumped, stages=watch.stages, explain=self._explain)
        except ValueError as error:  # Kept by another release of this program.
            self.lost_evidence = str(error)
            self._state.tasks_at_step_start = 0
            return Gate(criteria, version, stages=watch.stages, explain=self._explain)

    @property
    def _gates(self) -> Iterable[Gate]:
        return filter(None, (self._gate, self._mirror))

    def save(self) -> None:
        """Save the gates in the state."""
        watch = self._state.watch
        if watch is None or self._gate is None:
            return
        self._state.gates[watch.name] = self._gate.dump()
        if watch.subject == 'candidate':
            self._state.tasks[watch.name] = self._gate.candidate_tasks
        if self._mirror is not None:
            self._state.gates[_mirrored(watch)] = self._mirror.dump()
        self._state.trial_counts = self.trial_counts.dump()

    # -- what it is fed with ----------------------------------------------------------------------

    def look(self, view: FleetView, now: float, revision: int) -> None:
        """
        Give new counters to the gate, and ask it; count its failures.

        `revision` rises when the robots to watch, or their shares, may have changed.
        """
        if self._gate is None:
            return
        try:
            if self._feed(view, now, revision) or self.failed_queries:
                self._ask()
            self._give_up_unreachable(view, now)
        except Exception as error:  # A gate that cannot judge must not end the coordinator.
            self.failed_queries += 1
            self.query_error = f'{type(error).__name__}: {error}'
            return
        self.failed_queries = 0

    def _feed(self, view: FleetView, now: float, revision: int) -> bool:
        model_id = self._state.plan.model_id
        changes = view.news(model_id)
        names: Iterable[str] = changes.since(self._seen)
        if self._scanned != (view, revision):
            names = self._watch_others(now)
        news = False
        for robot_id in names:
            share = self._watched.get(robot_id)
            telemetry = None if share is None else view.telemetry(model_id, robot_id)
            if share is None or telemetry is None or telemetry is self._fed.get(robot_id):
                continue
            self._fed[robot_id] = telemetry
            self._freshness.hear(robot_id, now)
            self._take(robot_id, telemetry)
            news = True
        self._seen, self._scanned = changes.revision, (view, revision)
        return news

    def _watch_others(self, now: float) -> Iterable[str]:
        """Update the robots to watch; the counters of new ones are expected from now on."""
        self._watched = dict(self.watched)
        self._freshness.watch(self._watched.keys(), now)
        for gate in self._gates:
            gate.watch_only(self._watched)
        return self._watched

    def _take(self, robot_id: str, telemetry: Telemetry) -> None:
        assert self._gate is not None
        self._doubt_if_routed_anew(robot_id, telemetry)
        share = self._share_in(telemetry.routing)
        previous, version = self._state.robots[robot_id].previous, self._state.plan.version
        boot_id, counters = telemetry.boot_id, telemetry.versions
        self.diagnosis.observe(robot_id, telemetry)
        self._gate.observe(robot_id, previous, boot_id, counters, share)
        if self._mirror is not None:
            self._mirror.observe(robot_id, version, boot_id, counters, 1 - share)
        if self._is_trial:
            self.trial_counts.observe(robot_id, boot_id, counters, previous, version)

    def _doubt_if_routed_anew(self, robot_id: str, telemetry: Telemetry) -> None:
        """Tell the gates of a robot that may have served another share since its last counters."""
        order = telemetry.boot_id, telemetry.routing.generation
        if self._orders.get(robot_id) == order:
            return
        self._orders[robot_id] = order
        for gate in self._gates:
            gate.doubt_share(robot_id)

    def _share_in(self, routing: Routing) -> float:
        """
        Return the share of the version in the routing that a robot counted its tasks under.

        Neither the desired routing nor the last reported one will do: a task that begins while one
        of them is on its way would be taken for one of another share.
        """
        version = self._state.plan.version
        if routing.stable == version:
            return 1.0
        return routing.candidate_share if routing.candidate == version else 0.0

    @property
    def _is_trial(self) -> bool:
        watch = self._state.watch
        return watch is not None and (
            watch.control_criteria is not None or watch.subject == 'shadow'
        )

    @property
    def watched(self) -> Mapping[str, float]:
        """Return the robots that the gate watches, with the candidate's share of their tasks."""
        state = self._state
        watch = state.watch
        if watch is None:
            return {}
        if watch.subject == 'shadow':
            return dict.fromkeys(sorted(state.where(lambda robot: robot.shadows)), 0.0)
        shares = state.shares
        if not shares or not watch.criteria.needs_other_robots:
            return shares
        others = state.robots.keys() - state.excluded_robots.keys()
        return dict.fromkeys(sorted(others), 0.0) | shares

    def _give_up_unreachable(self, view: FleetView, now: float) -> None:
        """Tell the gate which robots are unreachable, and for which it waits no longer."""
        assert self._gate is not None
        model_id = self._state.plan.model_id
        unreachable = view.unreachable(model_id, self._watched.keys(), now)
        self._gate.reach(len(unreachable), len(self._watched))
        for robot_id in unreachable:
            seconds = view.seconds_since_heard(model_id, robot_id, now)
            if robot_id not in self._given_up and seconds > _GIVEN_UP_AFTER_S:
                self._gate.leave(robot_id)
                self._given_up.add(robot_id)
        self._given_up.intersection_update(unreachable)

    def missing(self, view: FleetView, now: float) -> tuple[str, ...]:
        """Return the reachable robots that have sent no counters for too long."""
        plan = self._state.plan
        since = now - plan.missing_after.total_seconds()
        silent = self._freshness.silent_since(since)
        return tuple(
            sorted(robot for robot in silent if view.is_reachable(plan.model_id, robot, now))
        )

    # -- what it says -----------------------------------------------------------------------------

    def _ask(self) -> None:
        assert self._gate is not None
        self.checks = self._of_subject(self._gate.checks(complete=self._state.gate_complete))
        metric = '' if self._state.watch is None else self._state.watch.criteria.success_metric
        self._state.is_proven = any(c.is_proven for c in self.checks if c.name == metric)
        if self._mirror is not None:
            found = self._mirror.checks(complete=False)
            self._lost = tuple(
                check
                for check in found
                if check.name in _RELATIVE and _has_failed(check) and not _is_signal(check)
            )

    def _of_subject(self, checks: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
        of_shadow = self._state.watch is not None and self._state.watch.subject == 'shadow'
        if of_shadow:
            return tuple(check for check in checks if check.name in _OF_SHADOWS)
        return tuple(check for check in checks if check.name != 'shadow')

    def begin_stage(self) -> None:
        """Begin a stage: its tasks are not complete yet."""
        self.reopen()
        if self._gate is not None:
            self._gate.begin_stage()

    def reopen(self) -> None:
        """Note that the gate waits for more tasks before it is asked again."""
        self._state.gate_complete = False
        self._state.awaited = None

    def is_settled(self, now: float, timeout_s: float) -> bool:
        """
        Return whether all that could be compared when this was first asked has been compared.

        Without, the tasks of a stage would be in, and the last of its evidence not: all of it,
        where robots do many tasks between two messages.
        """
        state = self._state
        if self._gate is None or state.watch is None or state.watch.subject == 'shadow':
            return True  # No task of a shadow is compared with one of the control.
        if state.awaited is None:
            state.awaited, state.awaited_since = tuple(self._gate.under_way), now
        return now - state.awaited_since >= timeout_s or not self._gate.awaits(state.awaited)

    def judge(self) -> tuple[CheckResult, ...]:
        """Return the checks of the gate after all tasks of the step."""
        self._state.gate_complete = True
        if self._gate is not None:
            self._ask()
        return self.checks

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """Return the checks that have failed, without signals."""
        return tuple(c for c in self.checks if _has_failed(c) and not _is_signal(c))

    @property
    def new_signals(self) -> tuple[CheckResult, ...]:
        """Return the signals that have failed and have not paused the rollout yet."""
        failed = (c for c in self.checks if _has_failed(c) and _is_signal(c))
        return tuple(check for check in failed if check.name not in self._state.signals_said)

    @property
    def control_has_lost(self) -> str:
        """Return the check by which the control lost before the end of a trial; empty: none."""
        return ' '.join(check.sentence.removesuffix(': roll back.') for check in self._lost)

    @property
    def candidate_tasks(self) -> int:
        """Return how many tasks the candidate finished under the watch in force."""
        return 0 if self._gate is None else self._gate.candidate_tasks

    def tasks(self, step: object) -> int:
        """Return how many tasks of the kind that a step counts were finished under this watch."""
        watch, gate = self._state.watch, self._gate
        if watch is None or gate is None:
            return 0
        if watch.subject == 'shadow':
            return gate.control_tasks
        if isinstance(step, Observe) and step.each_arm:
            return min(gate.candidate_tasks, gate.control_tasks)
        return gate.candidate_tasks

    @property
    def step_tasks(self) -> int:
        """Return how many tasks the step has to count since it began."""
        return self.tasks(self._state.step) - self._state.tasks_at_step_start


def _has_failed(check: CheckResult) -> bool:
    return check.verdict is Verdict.FAIL


def _is_signal(check: CheckResult) -> bool:
    return check.role == Role.SIGNAL.value


def _mirrored(watch: Watch) -> str:
    return f'{watch.name}: control'
