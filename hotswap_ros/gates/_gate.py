# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The gate: telemetry in, verdicts out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from hotswap_ros.gates._limits import ErrorCheck, LatencyCheck, StuckCheck
from hotswap_ros.gates._result import CheckResult
from hotswap_ros.gates._success import SuccessCheck
from hotswap_ros.gates._window import News, Window
from hotswap_ros.models import VersionCounters
from hotswap_ros.plan import SuccessCriteria

_FORMAT = 1


class _Check(Protocol):
    """One question about the candidate; asked at any time, it sees everything since the start."""

    @property
    def name(self) -> str: ...

    def add(self, robot_id: str, news: News) -> None: ...

    def result(self, window: Window, *, complete: bool) -> CheckResult: ...

    def dump(self) -> dict[str, Any]: ...

    def load(self, data: Mapping[str, Any]) -> None: ...


class Gate:
    """
    Judges one candidate over one whole rollout; carried across its stages and never reset.

    An equal candidate is failed with probability `criteria.alpha` at most, over all looks and over
    all statistical checks together: each of k has alpha/k, so its evidence must reach k/alpha.
    """

    def __init__(self, criteria: SuccessCriteria, candidate: str) -> None:
        self._window = Window(candidate)
        self._checks = _checks(criteria)

    @property
    def candidate_tasks(self) -> int:
        """Return how many tasks the candidate finished on the cohort's robots."""
        return self._window.candidate.finished

    @property
    def control_tasks(self) -> int:
        """Return how many tasks the control finished on the same robots."""
        return self._window.control.finished

    def observe(
        self,
        robot_id: str,
        control_version: str,
        boot_id: str,
        counters: Mapping[str, VersionCounters],
    ) -> None:
        """
        Take in a telemetry snapshot of a robot of the cohort.

        The robot's first one is the reference from which it counts: give it before the candidate's
        first task. Snapshots may be lost, come twice or come late.
        """
        news = self._window.observe(robot_id, control_version, boot_id, counters)
        if news is not None:
            for check in self._checks:
                check.add(robot_id, news)

    def checks(self, *, complete: bool) -> tuple[CheckResult, ...]:
        """
        Return what each check says: FAIL or PENDING, and FAIL, PASS or INCONCLUSIVE if `complete`.

        `complete` says that the step's data are in; PASS means that they show no harm.
        """
        return tuple(check.result(self._window, complete=complete) for check in self._checks)

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON; a gate loaded from it goes on as this one would."""
        return {
            'format': _FORMAT,
            'candidate': self._window.candidate_name,
            'window': self._window.dump(),
            'checks': {check.name: check.dump() for check in self._checks},
        }

    @classmethod
    def load(cls, criteria: SuccessCriteria, candidate: str, data: Mapping[str, Any]) -> Gate:
        """Take up a dumped gate. Raises ValueError if it is of another candidate or criteria."""
        gate = cls(criteria, candidate)
        names = [check.name for check in gate._checks]
        expected = (_FORMAT, candidate, sorted(names))
        found = (data.get('format'), data.get('candidate'), sorted(data.get('checks', ())))
        if found != expected:
            raise ValueError(
                f'a gate of (format, candidate, checks) {expected} cannot go on from {found}'
            )
        gate._window.load(data['window'])
        for check in gate._checks:
            check.load(data['checks'][check.name])
        return gate


def _checks(criteria: SuccessCriteria) -> tuple[_Check, ...]:
    with_evidence = [criteria.max_latency_ms, criteria.max_error_rate]
    limit = (1 + sum(value is not None for value in with_evidence)) / criteria.alpha
    checks: list[_Check] = [SuccessCheck(criteria, limit)]
    if criteria.max_latency_ms is not None:
        checks.append(LatencyCheck(criteria.max_latency_ms, limit))
    if criteria.max_error_rate is not None:
        checks.append(ErrorCheck(criteria.max_error_rate, limit))
    if criteria.max_stuck_per_robot is not None:
        checks.append(StuckCheck(criteria.max_stuck_per_robot))
    return tuple(checks)
