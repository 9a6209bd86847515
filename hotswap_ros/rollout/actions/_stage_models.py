# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Stage models: every robot of the cohort has the version loaded, and the same one."""

from __future__ import annotations

from collections.abc import Mapping

from hotswap_ros.plan import StageModels
from hotswap_ros.rollout._state import Cause
from hotswap_ros.rollout.actions._scene import DONE, Move, Outcome, Scene, late


def begin(step: StageModels, scene: Scene) -> None:
    """Wish for the version on the cohort."""
    scene.state.staged.update(step.robots)


def run(step: StageModels, scene: Scene) -> Outcome:
    """Wait until all that are in reach report the same digest."""
    model_id, version = scene.state.plan.model_id, scene.state.plan.version
    reports = {robot_id: scene.view.report(model_id, robot_id) for robot_id in step.robots}
    small = [name for name, r in reports.items() if r is not None and r.resident_limit < 2]
    if small:
        return Outcome(Move.BACK, _no_room(small), cause=Cause.STAGING_FAILED)
    digests = {
        name: report.versions[version].digest
        for name, report in reports.items()
        if report is not None and report.is_ready(version)
    }
    if len(set(digests.values())) > 1:
        return Outcome(Move.BACK, _odd_one_out(version, digests), cause=Cause.DIGEST_MISMATCH)
    waiting = [
        name
        for name in step.robots
        if name not in digests and scene.view.is_reachable(model_id, name, scene.now)
    ]
    return late(scene, step.timeout_s, 'load the version', waiting) if waiting else DONE


def _no_room(robots: list[str]) -> str:
    return (
        f'{", ".join(robots)} may hold one version only, a rollout needs two: '
        "raise parameter 'resident_limit' there"
    )


def _odd_one_out(version: str, digests: Mapping[str, str]) -> str:
    by_digest: dict[str, list[str]] = {}
    for robot_id, digest in digests.items():
        by_digest.setdefault(digest, []).append(robot_id)
    parts = [f'{digest[:12]}… on {", ".join(robots[:3])}' for digest, robots in by_digest.items()]
    return (
        f'the robots hold different files as {version} ({"; ".join(parts)}): '
        'bring the same version to all of them'
    )
