# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Preview of a plan: its steps, and the facts about the fleet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hotswap_ros.coordinator.journal import Journal
from hotswap_ros.fleet.reports import RobotReport
from hotswap_ros.fleet.throughput import Throughput
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.gates import intraclass
from hotswap_ros.models import VersionState
from hotswap_ros.plan import (
    ChecklistItem,
    Facts,
    Plan,
    RobotFacts,
    Step,
    VersionFacts,
    review,
)
from hotswap_ros.rollout.start import steps_of

#: A version that can take over at once: one that drains is as warm as ever.
_WARM = (VersionState.READY, VersionState.DRAINING)
#: Tasks of the fleet below which nothing is read from how its robots differ.
_LEAST_TASKS = 200


@dataclass(frozen=True)
class Traffic:
    """
    What a fleet does at present.

    `tasks_per_s` are the rates of the robots that were listened to for long enough. `success` is
    the rate of success of what they serve, over `tasks`, and `correlation` its intra-class
    correlation between robots; None: too few tasks to tell.
    """

    tasks_per_s: Mapping[str, float]
    success: float | None = None
    correlation: float | None = None
    tasks: int = 0


@dataclass(frozen=True)
class Preview:
    """A plan with the steps that it means for the fleet of this moment; see Facts and Traffic."""

    plan: Plan
    steps: tuple[Step, ...]
    facts: Facts
    traffic: Traffic


class Previewer:
    """Looks at what a plan means for the fleet; changes nothing."""

    def __init__(self, view: FleetView, throughput: Throughput, journal: Journal) -> None:
        self._view = view
        self._throughput = throughput
        self._journal = journal

    def preview(self, plan: Plan, now: float, versions: Mapping[str, VersionFacts]) -> Preview:
        """Return steps, facts and traffic. Raises PlanError or NoRobotsError."""
        steps = steps_of(plan, self._view.reachable(plan.model_id, now), 'preview', versions)
        facts = replace(self._facts(plan, steps, now), versions=versions)
        return Preview(plan, steps, facts, self._traffic(plan.model_id, facts))

    def checklist(
        self,
        plan: Plan,
        steps: Sequence[Step],
        versions: Mapping[str, VersionFacts],
        now: float,
    ) -> tuple[ChecklistItem, ...]:
        """Return how the items of a plan's checklist stand, none for a plan without one."""
        if plan.checklist is None:
            return ()
        facts = self._facts(plan, steps, now)
        return review(plan, replace(facts, versions=versions))

    def _facts(self, plan: Plan, steps: Sequence[Step], now: float) -> Facts:
        """Return what is known of the fleet, and nothing of versions."""
        model_id, reports = plan.model_id, self._view.reports(plan.model_id)
        taking_part = sorted({robot_id for step in steps for robot_id in step.robots})
        return Facts(
            now,
            tuple(
                replace(
                    _robot(reports[name], plan.version),
                    counters_age_s=self._throughput.age_s(model_id, name, now),
                    clock_skew_s=self._view.clocks.skew_s(name),
                )
                for name in taking_part
            ),
            unreachable=self._view.unreachable(model_id, reports.keys(), now),
            is_watched=any(step.watch is not None for step in steps),
            rehearsals=self._journal.rehearsals(model_id),
        )

    def _traffic(self, model_id: str, facts: Facts) -> Traffic:
        robots = []
        for robot in facts.robots:
            telemetry = self._view.telemetry(model_id, robot.robot_id)
            counters = None if telemetry is None else telemetry.versions.get(robot.serves)
            if counters is not None and counters.tasks.finished:
                robots.append((counters.tasks.succeeded, counters.tasks.finished))
        tasks = sum(finished for _, finished in robots)
        is_known = tasks >= _LEAST_TASKS
        return Traffic(
            self._throughput.tasks_per_s(model_id, (robot.robot_id for robot in facts.robots)),
            sum(won for won, _ in robots) / tasks if is_known else None,
            max(0.0, intraclass(robots)) if is_known and len(robots) > 1 else None,
            tasks,
        )


def _robot(report: RobotReport, candidate: str) -> RobotFacts:
    serves = report.routing.stable
    stable, own = report.versions.get(serves), report.versions.get(candidate)
    return RobotFacts(
        report.robot_id,
        serves,
        is_stable_ready=stable is not None and stable.state in _WARM,
        resident_limit=report.resident_limit,
        disk_free_bytes=report.disk_free_bytes,
        holds=report.is_ready(candidate),
        size_bytes=0 if own is None else own.size_bytes,
        warm_latency_ms=None if own is None else own.warm_latency_ms,
    )
