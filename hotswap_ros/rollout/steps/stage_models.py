# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Stage models: every robot of the cohort loads the version, from the same files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import replace

from hotswap_ros.fleet.reports import RobotReport
from hotswap_ros.plan import StageModels
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.status import Cause
from hotswap_ros.rollout.steps.context import DONE, Move, Outcome, StepContext, late


def begin(step: StageModels, context: StepContext) -> None:
    """Ask the cohort to hold the version."""
    state = context.state
    state.put({r: replace(state.robots[r], staged=True) for r in step.robots})


def run(step: StageModels, context: StepContext) -> Outcome:
    """Wait until all reachable robots report the same digest."""
    plan, cohort = context.state.plan, context.cohort
    model_id, version = plan.model_id, plan.version
    reports = context.view.reports(model_id)
    small = cohort.those('small', lambda robot_id: _is_small(reports.get(robot_id)))
    if small:
        robots = tuple(sorted(small))
        text = sentences.no_room(robots)
        return Outcome(Move.BACK, text, cause=Cause.STAGING_FAILED, robots=robots)
    if cohort.those('odd', _is_odd(reports, version)):
        text = sentences.different_files(version, _digests(cohort.robots, reports, version))
        return Outcome(Move.BACK, text, cause=Cause.DIGEST_MISMATCH)
    absent = cohort.those('absent', lambda robot_id: not _is_ready(reports.get(robot_id), version))
    waiting = absent - {*context.view.all_unreachable(model_id, context.now)} if absent else absent
    return late(context, step.timeout_s, sentences.not_loaded, waiting) if waiting else DONE


def _is_small(report: RobotReport | None) -> bool:
    return report is not None and report.resident_limit < 2


def _is_ready(report: RobotReport | None, version: str) -> bool:
    return report is not None and report.is_ready(version)


def _is_odd(reports: Mapping[str, RobotReport], version: str) -> Callable[[str], bool]:
    """Return a test of robots: whether one has other files than the first that was ready."""
    first: list[str] = []

    def is_odd(robot_id: str) -> bool:
        report = reports.get(robot_id)
        if report is None or not report.is_ready(version):
            return False
        digest = report.versions[version].digest
        first[:] = first or [digest]
        return digest != first[0]

    return is_odd


def _digests(robots: Set[str], reports: Mapping[str, RobotReport], version: str) -> dict[str, str]:
    ready = [r for r in sorted(robots) if _is_ready(reports.get(r), version)]
    return {robot_id: reports[robot_id].versions[version].digest for robot_id in ready}
