# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gate: it takes in telemetry and returns the verdicts of its checks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from hotswap_ros.gates.checks.of_criteria import alpha_of, checks_of
from hotswap_ros.gates.older_dumps import upgraded
from hotswap_ros.gates.pairing.strata import Strata
from hotswap_ros.gates.pairing.tasks import DrawnTasks
from hotswap_ros.gates.result import CheckResult, Verdict
from hotswap_ros.gates.window import News, Window
from hotswap_ros.models import VersionCounters
from hotswap_ros.plan import Role, SuccessCriteria, role_of

_FORMAT = 10


class Gate:
    """
    The judge of one candidate over one whole rollout, which is never reset between stages.

    An equal candidate fails with a probability of at most `criteria.alpha`, over all looks and all
    statistical checks together: the success metric may spend 80% of alpha, the other checks share
    the rest (`alpha_split`), and the limit of evidence is the reciprocal of that part. `stages` is
    the number of stages of the rollout, over which a fixed-horizon test splits its part. Without
    `explain` there are no intervals, which is much faster, for simulations. `drawn` says that the
    share that a robot reports is the probability with which the candidate gets each of its tasks;
    otherwise it only tells which robots are alike, and tasks are compared in blocks.
    """

    def __init__(
        self,
        criteria: SuccessCriteria,
        candidate: str,
        *,
        stages: int = 1,
        explain: bool = True,
        drawn: bool = True,
    ) -> None:
        self._criteria = criteria
        self._window = Window(candidate)
        self._strata = Strata(criteria.control, drawn=drawn)
        self.alpha_split = alpha_of(criteria)
        self._checks = checks_of(criteria, candidate, stages=stages, explain=explain)
        self._joiners = self._listeners('join')
        self._adders = self._listeners('add')
        self._comparers = self._listeners('compare')
        self._drawers = self._listeners('draw')
        self._observers = self._listeners('observe')
        self._sharers = self._listeners('share')
        self._reachers = self._listeners('reach')
        self._beginners = self._listeners('begin_stage')
        self._doubters = self._listeners('doubt_share')

    def _listeners(self, name: str) -> tuple[Callable[..., None], ...]:
        return tuple(getattr(check, name) for check in self._checks if hasattr(check, name))

    @property
    def candidate_tasks(self) -> int:
        """Return the number of tasks that the candidate finished on the robots."""
        return self._window.candidate.finished

    @property
    def control_tasks(self) -> int:
        """Return the number of tasks that the control finished on the same robots."""
        return self._window.control.finished

    def observe(
        self,
        robot_id: str,
        control_version: str,
        boot_id: str,
        counters: Mapping[str, VersionCounters],
        candidate_share: float | None = None,
    ) -> None:
        """
        Take in a telemetry snapshot of a robot.

        The first snapshot of a robot is the reference of its counts, and must come before the
        candidate's first task. Snapshots may be lost, repeated or late. `candidate_share` is the
        share of its tasks (0 to 1) that the robot reports to give to the candidate; None: unknown.
        """
        window = self._window
        if candidate_share is not None:
            self._strata.share(robot_id, candidate_share)
            for share in self._sharers:
                share(robot_id, candidate_share)
        if not window.knows(robot_id):
            window.observe(robot_id, control_version, boot_id, counters)
            self._strata.join(robot_id)
            self._join(robot_id)
        else:
            in_flight = self._in_flight(robot_id)
            news = window.observe(robot_id, control_version, boot_id, counters)
            if news is not None:
                self._count(robot_id, news, in_flight)
        for observe in self._observers:
            observe(robot_id, control_version, boot_id, counters)

    def watch_only(self, robot_ids: Collection[str]) -> None:
        """
        Drop all other robots: the gate gets no more snapshots of them.

        Their tasks in progress do not count, and no comparison waits for them.
        """
        self._strata.watch_only(robot_ids)

    def leave(self, robot_id: str) -> None:
        """
        Count the tasks in progress on a robot as failed, because it is unreachable for too long.

        A snapshot that arrives later corrects the counts.
        """
        if not self._window.knows(robot_id):
            return
        in_flight = self._in_flight(robot_id)
        news = self._window.leave(robot_id)
        if news is not None:
            self._count(robot_id, news, in_flight)

    def doubt_share(self, robot_id: str) -> None:
        """
        Take note that a robot may have served another share since its last snapshot.

        The tasks that its next snapshot reports count under no share. Otherwise the tasks of a
        lease that ended, all of them the control's, would look like a candidate seldom drawn.
        """
        self._strata.doubt_share(robot_id)
        for doubt in self._doubters:
            doubt(robot_id)

    def _in_flight(self, robot_id: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return the tasks in flight on a robot, as far as the strata do not know them."""
        return ({}, {}) if robot_id in self._strata else self._window.in_flight(robot_id)

    def _join(self, robot_id: str) -> None:
        history = self._window.reference(robot_id)
        for join in self._joiners:
            join(robot_id, history)

    def _count(
        self, robot_id: str, news: News, in_flight: tuple[Mapping[str, int], Mapping[str, int]]
    ) -> None:
        for add in self._adders:
            add(robot_id, news)
        for ended in self._strata.add(robot_id, news, in_flight):
            for take in self._drawers if isinstance(ended, DrawnTasks) else self._comparers:
                take(ended)

    def reach(self, lost: int, robots: int) -> None:
        """Take in how many of the rollout's robots are unreachable at present."""
        for reach in self._reachers:
            reach(lost, robots)

    def begin_stage(self) -> None:
        """Begin a stage: methods that judge at the end of a stage use the data from here on."""
        self._window.begin_stage()
        for begin_stage in self._beginners:
            begin_stage()

    @property
    def under_way(self) -> list[int]:
        """Return the comparisons that wait for tasks in progress; see `awaits`."""
        return self._strata.under_way

    def awaits(self, comparisons: Collection[int]) -> bool:
        """Return whether any of these comparisons still waits for its tasks."""
        return self._strata.awaits(comparisons)

    @property
    def has_failed(self) -> bool:
        """Whether a check that rolls back has failed at any time; faster than `checks`."""
        signals = self._criteria.signals
        return any(check.failed and check.name not in signals for check in self._checks)

    def checks(self, *, complete: bool) -> tuple[CheckResult, ...]:
        """
        Return the results of all checks.

        `complete` says that the stage has all its data: then the verdicts are FAIL, PASS (the data
        show no harm) or INCONCLUSIVE, otherwise FAIL or PENDING.
        """
        return tuple(
            self._with_role(check.result(self._window, complete=complete))
            for check in self._checks
        )

    def _with_role(self, found: CheckResult) -> CheckResult:
        role = role_of(self._criteria, found.name)
        text = found.sentence
        if role is Role.SIGNAL and found.verdict is Verdict.FAIL:
            text = f'{text.removesuffix(": roll back.").removesuffix(".")}: pause.'
        return replace(found, role=role.value, sentence=text)

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON; a gate loaded from it continues as this one would."""
        return {
            'format': _FORMAT,
            'candidate': self._window.candidate_name,
            'window': self._window.dump(),
            'strata': self._strata.dump(),
            'checks': {check.name: check.dump() for check in self._checks},
        }

    @classmethod
    def load(
        cls,
        criteria: SuccessCriteria,
        candidate: str,
        data: Mapping[str, Any],
        *,
        stages: int = 1,
        explain: bool = True,
    ) -> Gate:
        """Return a dumped gate. Raises ValueError if it is of another candidate or criteria."""
        data = upgraded(data, criteria)
        gate = cls(criteria, candidate, stages=stages, explain=explain)
        names = [check.name for check in gate._checks]
        expected = (_FORMAT, candidate, sorted(names))
        found = (data.get('format'), data.get('candidate'), sorted(data.get('checks', ())))
        if found != expected:
            raise ValueError(
                f'a gate of (format, candidate, checks) {expected} cannot continue from {found}'
            )
        gate._window.load(data['window'])
        gate._strata.load(data['strata'])
        for check in gate._checks:
            check.load(data['checks'][check.name])
        return gate
