# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Overlap: a robot belongs to one rollout of a model at a time, or to one ordered rollback."""

from __future__ import annotations

from collections.abc import Set

from hotswap_ros.coordinator.rollback.orders import RollbackOrders
from hotswap_ros.coordinator.rollouts import Rollouts
from hotswap_ros.fleet.desired_fleet import DesiredFleet
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.rollout.errors import OverlapError
from hotswap_ros.rollout.runner import Runner


class OverlapGuard:
    """
    Keeps the robots of rollouts and rollbacks of one model apart.

    The state of each rollout names the robots that must not join, so that a restart keeps them.
    """

    def __init__(
        self, rollouts: Rollouts, orders: RollbackOrders, view: FleetView, desired: DesiredFleet
    ) -> None:
        self._rollouts = rollouts
        self._orders = orders
        self._view = view
        self._desired = desired

    def refuse_overlap(self, model_id: str, robots: Set[str]) -> None:
        """Raise OverlapError where something of the model is under way on any of the robots."""
        for runner in self._rollouts.of_model(model_id):
            common = robots & runner.state.robots.keys()
            if common and not runner.state.status.is_terminal:
                what = f'rollout {runner.state.rollout_id}'
                remedy = 'wait for its end, abort it, or let the plan name other robots'
                raise OverlapError(model_id, what, common, remedy)
        self._orders.refuse_overlap(model_id, robots)

    def begin(self, new: Runner) -> None:
        """Let no robot of a rollout that begins join another, nor those of others join it."""
        if not new.state.has_begun:
            return
        model_id = new.state.plan.model_id
        new.state.excluded.update(self._orders.robots(model_id))
        for runner in self._rollouts.of_model(model_id):
            if not runner.state.status.is_terminal:
                new.state.excluded.update(runner.state.robots)
        self.exclude(model_id, new.state.robots.keys())

    def exclude(self, model_id: str, robots: Set[str], but: Runner | None = None) -> None:
        """Let robots join no rollout of those under way."""
        for runner in self._rollouts.of_model(model_id):
            if runner is not but:
                runner.state.excluded.update(robots)

    def welcome(self, runner: Runner, now: float) -> None:
        """Let robots that are new take part, once they serve what they are to serve before."""
        model_id = runner.state.plan.model_id
        for robot_id in runner.joining.new_robots(self._view, now):
            held = self._desired.get(model_id, robot_id)
            report = self._view.report(model_id, robot_id)
            settled = held is None or self._view.confirms(held.routing, robot_id)
            if settled and report is not None and runner.join(report, self._view, now):
                self.exclude(model_id, {robot_id}, but=runner)
