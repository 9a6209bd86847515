# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots that take the version out by themselves."""

from __future__ import annotations

from collections.abc import Iterable

from hotswap_ros.models import VersionState
from hotswap_ros.rollout._fleet import FleetView
from hotswap_ros.rollout._state import RolloutState


class Breakers:
    """Finds the robots that serve the version, or let it decide beside, and took it out."""

    def __init__(self, state: RolloutState) -> None:
        self._state = state
        self._scanned: tuple[FleetView | None, int] = (None, -1)
        self._seen = -1

    def find_open(self, view: FleetView, revision: int) -> str:
        """
        Return which robot took the version out, and why; empty for none that is new.

        `revision` rises when other robots may serve the version.
        """
        state = self._state
        changes = view.changes(state.plan.model_id)
        names: Iterable[str] = changes.since(self._seen)
        if self._scanned != (view, revision):
            names = [*state.shares, *state.shadowed]
        self._seen, self._scanned = changes.revision, (view, revision)
        for robot_id in names:
            if robot_id in state.shares or robot_id in state.shadowed:
                found = self._open_on(robot_id, view)
                if found:
                    return found
        return ''

    def _open_on(self, robot_id: str, view: FleetView) -> str:
        version = self._state.plan.version
        report = view.report(self._state.plan.model_id, robot_id)
        breaker = None if report is None else report.breaker
        if report is None or breaker is None or breaker.version != version:
            return ''
        here = report.versions.get(version)
        if here is not None and here.state is VersionState.FAILED:
            return f'{robot_id} gave {version} up by itself: {here.reason}'
        return (
            f'{robot_id} took {version} out by itself: {breaker.count} requests in a row '
            f'failed, the last for {breaker.cause}'
        )
