# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollbacks that are owed to robots, until those confirm or are to serve something else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hotswap_ros.coordinator.rollback.rollback import Rollback
from hotswap_ros.fleet.desired_fleet import DesiredFleet
from hotswap_ros.fleet.events import Event, EventKind, Level
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.rollout.runner import Runner


@dataclass
class PendingRollback:
    """What a rollback owes: the version that each robot which did not confirm should serve."""

    rollout_id: str
    model_id: str
    robots: dict[str, str]


class PendingRollbacks:
    """Watches robots that are owed a rollback, and tells when that is over."""

    def __init__(
        self, view: FleetView, desired: DesiredFleet, debts: Iterable[PendingRollback]
    ) -> None:
        self._view = view
        self._desired = desired
        self._debts = list(debts)

    def take_on(self, runners: Iterable[Runner], rollbacks: Iterable[Rollback]) -> None:
        """Watch what rollbacks owe whose end is in the journal, each given once."""
        for state in (runner.state for runner in runners if runner.state.ended is not None):
            serves = {name: state.robots[name].previous for name in state.unconfirmed}
            self._debts.append(PendingRollback(state.rollout_id, state.plan.model_id, serves))
        for order in (rollback.state for rollback in rollbacks if rollback.is_done):
            serves = {name: order.targets[name].routing.stable for name in order.owed}
            self._debts.append(PendingRollback(order.rollback_id, order.model_id, serves))

    def tick(self, now: float) -> list[tuple[str, Event]]:
        """Return what is to be told, by rollout id."""
        told = []
        for debt in self._debts:
            waived = {r for r, version in debt.robots.items() if self._is_waived(debt, r, version)}
            paid = {r for r in debt.robots.keys() - waived if self._is_paid(debt, r, now)}
            for kind, robots in ((EventKind.PAID, paid), (EventKind.WAIVED, waived)):
                if robots:
                    told.append((debt.rollout_id, _event(now, kind, debt, sorted(robots))))
            debt.robots = {r: v for r, v in debt.robots.items() if r not in paid | waived}
        self._debts = [debt for debt in self._debts if debt.robots]
        return told

    def _is_waived(self, debt: PendingRollback, robot_id: str, version: str) -> bool:
        held = self._desired.get(debt.model_id, robot_id)
        return held is None or held.routing.stable != version

    def _is_paid(self, debt: PendingRollback, robot_id: str, now: float) -> bool:
        held = self._desired.get(debt.model_id, robot_id)
        return (
            held is not None
            and self._view.is_reachable(debt.model_id, robot_id, now)
            and self._view.confirms(held.routing, robot_id)
        )


def _event(now: float, kind: EventKind, debt: PendingRollback, robots: list[str]) -> Event:
    versions = '/'.join(sorted({debt.robots[robot_id] for robot_id in robots}))
    is_or_are = 'is' if len(robots) == 1 else 'are'
    text = f'{", ".join(robots)} {is_or_are} '
    if kind is EventKind.PAID:
        text += f'back on {versions}, as was owed'
    else:
        text += f'to serve something else by now: {versions} is owed no longer'
    is_paid = kind is EventKind.PAID
    return Event(
        time=now, kind=kind, level=Level.INFO, text=text, robots=tuple(robots), alert=is_paid
    )
