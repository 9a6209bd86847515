# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollouts, each with its rollback, of a coordinator that may be killed at any moment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from _world import World, plan
from rclpy.action import ActionClient

from hotswap_ros import action, msg, srv
from hotswap_ros.nodes.conversions.rollout import status_of
from hotswap_ros.rollout import Status

MODEL, BASE, GOOD, BAD = 'pick_policy', 'v23', 'v24', 'frozen'
ROBOTS = 4
_SHORT = [(50, 40), (100, 40)]
_LONG = [(50, 1_000_000), (100, 1_000_000)]
#: Seconds after which an order without effect is repeated: it may be lost with its coordinator.
_AGAIN_S = 2.0
_ENDS = {
    'promoted': {Status.SUCCEEDED},
    'found bad': {Status.ROLLED_BACK},
    'aborted': {Status.ABORTED},
    'rolled back': {Status.ROLLED_BACK},
    'superseded': {Status.SUPERSEDED},
}
KINDS = tuple(_ENDS)


class Orders:
    """Sends orders to the coordinator, and does not wait for an answer."""

    def __init__(self, world: World) -> None:
        self._world = world
        node, name = world.node, '/fleet_coordinator'
        self._rollout = world.do(lambda: ActionClient(node, action.Rollout, f'{name}/rollout'))
        self._rollback = world.do(lambda: ActionClient(node, action.Rollback, f'{name}/rollback'))
        self._control = world.do(
            lambda: node.create_client(srv.ControlRollout, f'{name}/control_rollout')
        )

    def roll_out(self, text: str) -> None:
        """Send a plan."""
        self._world.do(lambda: self._rollout.send_goal_async(action.Rollout.Goal(plan=text)))

    def roll_back(self, version: str) -> None:
        """Order a rollback of all robots to a version."""
        goal = action.Rollback.Goal(model_id=MODEL, version=version)
        self._world.do(lambda: self._rollback.send_goal_async(goal))

    def control(self, command: int, rollout_id: str) -> None:
        """Send a verb."""
        request = srv.ControlRollout.Request(command=command, rollout_id=rollout_id)
        self._world.do(lambda: self._control.call_async(request))


class Change(NamedTuple):
    """The fields in which two statuses of a rollout may differ."""

    status: Status
    step_index: int
    pause_reason: int
    robots_confirmed: int


class Round:
    """
    One rollout and the rollback to BASE on every robot; `earlier` are the rollouts before it.

    `kind` is its end: after a promotion a person orders a rollback; a rollout of a bad version is
    rolled back by its gate, all others by a person, `patience_s` after they began.
    """

    def __init__(self, kind: str, patience_s: float, earlier: set[str]) -> None:
        self.kind = kind
        self.version = BAD if kind == 'found bad' else GOOD
        self.rollout_id = ''
        self.kills = 0
        self.is_over = False
        self.change: Change | None = None
        self._text = plan(
            self.version,
            _SHORT if kind == 'promoted' else _LONG,
            lease=4,
            maxUnreachable=ROBOTS,
        )
        self._earlier = earlier
        self._patience_s = patience_s
        self._began = time.monotonic()
        self._said_at = 0.0

    def __str__(self) -> str:
        if self.change is None:
            return f'a rollout to be {self.kind}, not heard of yet'
        status, step, *_ = self.change
        return f'{self.rollout_id}, to be {self.kind}, {status.value} at step {step + 1}'

    @property
    def status(self) -> Status | None:
        """Return the newest status of the rollout, None before the first."""
        return None if self.change is None else self.change.status

    def hear(self, status: Any) -> bool:
        """Take a status; return whether something has changed."""
        if not status.rollout_id or status.rollout_id in self._earlier:
            return False
        if not self.rollout_id:
            self.rollout_id, self._began = status.rollout_id, time.monotonic()
            self._said_at = 0.0
        assert status.rollout_id == self.rollout_id, 'a rollout that nobody asked for'
        found = status_of(status.status)
        assert found is not None
        change = Change(found, status.step_index, status.pause_reason, status.robots_confirmed)
        before, self.change = self.change, change
        if change == before:
            return False
        if before is not None and before.status.is_terminal:
            assert change.status is before.status, f'{self}: it was {before.status}'
        if change.status.is_terminal:
            assert change.status in _ENDS[self.kind], f'{self}: {status.reason}'
        return before is None or change[:3] != before[:3]

    def go_on(self, robots: Mapping[str, Any], orders: Orders) -> bool:
        """Send the order that is due, and note the end; return whether an order was sent."""
        now = time.monotonic()
        if self.status is not None and self.status.is_terminal:
            if _all_serve(robots, BASE):
                self.is_over = True
                return False
            is_due = self.status is Status.SUCCEEDED and _all_serve(robots, GOOD)
        else:
            is_due = not self.rollout_id or now >= self._began + self._patience_s
        if not is_due or now < self._said_at + _AGAIN_S:
            return False
        return self._say(orders, now)

    def _say(self, orders: Orders, now: float) -> bool:
        verbs = srv.ControlRollout.Request
        if not self.rollout_id:
            orders.roll_out(self._text)
        elif self.status is Status.SUCCEEDED:
            orders.roll_back(BASE)
        elif self.change is not None and (
            self.change.pause_reason == msg.RolloutStatus.PAUSE_INCONCLUSIVE
        ):
            orders.control(verbs.RESUME, self.rollout_id)
        elif self.status is Status.ROLLING_BACK:
            return False
        elif self.kind == 'aborted':
            orders.control(verbs.ABORT, self.rollout_id)
        elif self.kind == 'rolled back':
            orders.control(verbs.ROLLBACK, self.rollout_id)
        elif self.kind == 'superseded':
            orders.roll_back(BASE)
        else:
            return False
        self._said_at = now
        return True


def _all_serve(robots: Mapping[str, Any], version: str) -> bool:
    return all(
        (robot.routing.stable, robot.routing.candidate) == (version, '')
        for robot in robots.values()
    )
