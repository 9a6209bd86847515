# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The checks that the criteria of a plan ask for, each with its part of alpha."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from hotswap_ros.gates.checks.categories import CategoryCheck
from hotswap_ros.gates.checks.grave_events import GraveEventCheck, StuckCheck
from hotswap_ros.gates.checks.input_drift import DriftCheck
from hotswap_ros.gates.checks.latency_increase import LatencyIncreaseCheck
from hotswap_ros.gates.checks.request_limits import ErrorCheck, LatencyCheck
from hotswap_ros.gates.checks.shadow import ShadowCheck
from hotswap_ros.gates.checks.stage_tests import FixedHorizonCheck, ThresholdCheck
from hotswap_ros.gates.checks.success import SuccessCheck
from hotswap_ros.gates.checks.task_figures import (
    DurationCheck,
    InterventionCheck,
    ProgressCheck,
)
from hotswap_ros.gates.checks.validity import (
    SampleRatioCheck,
    UnreachableCheck,
    sample_ratio_alpha,
)
from hotswap_ros.gates.result import CheckResult
from hotswap_ros.gates.stats.alpha import split_alpha
from hotswap_ros.gates.window import Window
from hotswap_ros.plan import Method, SuccessCriteria


class Check(Protocol):
    """
    One check of the candidate, on all data since the start of the rollout.

    A check also has those of the methods `join`, `add`, `draw`, `compare`, `observe`, `share`,
    `reach` and `begin_stage` that it needs. They receive a robot's first snapshot, the new counts
    of a robot, tasks whose versions were drawn with a known share, a block of tasks (after those
    that were drawn), the whole snapshot, the routing, and the number of unreachable robots.
    """

    @property
    def name(self) -> str:
        """Return the name of the check."""
        ...

    @property
    def failed(self) -> bool:
        """Return whether the check has failed at any time."""
        ...

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict."""
        ...

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        ...

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        ...


def alpha_of(criteria: SuccessCriteria) -> dict[str, float]:
    """Return the part of alpha of each check that spends one, by name."""
    return split_alpha(criteria.alpha, _spenders(criteria), criteria.success_metric)


def _spenders(criteria: SuccessCriteria) -> list[str]:
    """Return the names of the checks besides success that spend a part of alpha."""
    plain = criteria.method is Method.THRESHOLD
    return [
        name
        for name, asked in (
            ('latency', criteria.max_latency_ms is not None and not plain),
            ('latency_increase', criteria.max_latency_increase is not None),
            ('errors', criteria.max_error_rate is not None and not plain),
            ('grave_events', bool(criteria.grave_events)),
            ('categories', criteria.max_category_drop is not None),
            ('progress', criteria.max_progress_drop is not None),
            ('duration', criteria.max_duration_increase is not None),
            ('interventions', criteria.no_more_interventions),
            ('shadow', criteria.min_shadow_agreement is not None),
        )
        if asked
    ]


def checks_of(
    criteria: SuccessCriteria, candidate: str, *, stages: int = 1, explain: bool = True
) -> tuple[Check, ...]:
    """Return the checks that criteria ask for; stages and `explain` are as in Gate."""
    alpha = alpha_of(criteria)
    plain = criteria.method is Method.THRESHOLD
    checks = [_success(criteria, alpha['success'], stages, explain)]
    if criteria.max_latency_ms is not None:
        part = alpha.get('latency', 1.0)
        checks.append(LatencyCheck(criteria.max_latency_ms, part, plain=plain))
    if criteria.max_latency_increase is not None:
        part = alpha['latency_increase']
        checks.append(LatencyIncreaseCheck(criteria.max_latency_increase, part))
    if criteria.max_error_rate is not None:
        part = alpha.get('errors', 1.0)
        checks.append(ErrorCheck(criteria.max_error_rate, part, plain=plain))
    if criteria.max_stuck_per_robot is not None:
        checks.append(StuckCheck(criteria.max_stuck_per_robot))
    if criteria.grave_events:
        checks.append(GraveEventCheck(criteria.grave_events, alpha['grave_events']))
    if criteria.max_category_drop is not None:
        part = alpha['categories']
        checks.append(CategoryCheck(candidate, criteria.max_category_drop, part))
    checks += _of_figures(criteria, alpha)
    if criteria.min_shadow_agreement is not None:
        checks.append(ShadowCheck(criteria.min_shadow_agreement, alpha['shadow']))
    if criteria.max_input_drift is not None:
        checks.append(DriftCheck(candidate, criteria.max_input_drift))
    if criteria.max_unreachable_share is not None:
        checks.append(UnreachableCheck(criteria.max_unreachable_share))
    if sample_ratio_alpha(criteria):
        checks.append(SampleRatioCheck(criteria))
    return tuple(checks)


def _of_figures(criteria: SuccessCriteria, alpha: Mapping[str, float]) -> list[Check]:
    checks: list[Check] = []
    if criteria.max_progress_drop is not None:
        checks.append(ProgressCheck(criteria, alpha['progress']))
    if criteria.max_duration_increase is not None:
        checks.append(DurationCheck(criteria, alpha['duration']))
    if criteria.no_more_interventions:
        checks.append(InterventionCheck(alpha['interventions']))
    return checks


def _success(criteria: SuccessCriteria, alpha: float, stages: int, explain: bool) -> Check:
    if criteria.method is Method.THRESHOLD:
        return ThresholdCheck(criteria, alpha)
    if criteria.method is Method.FIXED:
        return FixedHorizonCheck(criteria, alpha, stages)
    return SuccessCheck(criteria, alpha, explain=explain)
