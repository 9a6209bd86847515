# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Client of a coordinator for programs that are not nodes: the command line, a notebook."""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import rclpy
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from hotswap_ros import action, msg, srv
from hotswap_ros.coordinator import RolloutSummary, RolloutView
from hotswap_ros.fleet import Event
from hotswap_ros.models import Routing
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.conversions.common import InterfaceMismatchError, routing_value
from hotswap_ros.nodes.conversions.rollout import (
    alert_value,
    rollout_view,
    status_of,
    summary_value,
)
from hotswap_ros.rollout import LEADS_ON, Status

_ANSWER_S = 10.0
#: Seconds without a status after which a robot is shown as unreachable. The coordinator decides by
#: its own parameter.
_UNREACHABLE_S = 5.0


_LEADS_ON = frozenset(verb.name for verb in LEADS_ON)


class CoordinatorError(Exception):
    """The coordinator refuses a request; the text says what is wrong and what to do."""


class FleetClient:
    """
    A connection to a fleet and its coordinator, with ROS in its own thread.

    Every method may be called from any thread. Use it as a context manager.
    """

    def __init__(
        self, coordinator: str = '/fleet_coordinator', fleet_namespace: str = '/fleet'
    ) -> None:
        self._status: Any = msg.RolloutStatus()
        self._statuses: dict[str, Any] = {}
        self._coordinator_heard_at = time.monotonic()
        self.robots: dict[str, Any] = {}
        self._robots_heard_at: dict[str, float] = {}
        self._context = Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node(f'hotswap_{os.getpid()}', context=self._context, enable_rosout=False)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._node.create_subscription(
            msg.RolloutStatus, f'{coordinator}/rollout_status', self._on_rollout, qos.STATE_OF_EACH
        )
        self._node.create_subscription(
            msg.RobotStatus, f'{fleet_namespace}/status', self._on_robot, qos.EVENT
        )
        self._rollout = ActionClient(self._node, action.Rollout, f'{coordinator}/rollout')
        self._rollback = ActionClient(self._node, action.Rollback, f'{coordinator}/rollback')
        self._coordinator = coordinator
        self._askers: dict[str, Any] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._spin, name='fleet client', daemon=True)
        self._thread.start()

    def __enter__(self) -> FleetClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(timeout=2.0)
        self._executor.shutdown(timeout_sec=0.5)
        self._node.destroy_node()
        self._context.try_shutdown()

    @property
    def status(self) -> Any:
        """Return the newest `RolloutStatus` of the newest rollout under way, or else the last."""
        last = self._status
        under_way = last.rollouts_under_way
        return self._statuses.get(under_way[-1], last) if under_way else last

    def status_of(self, rollout_id: str) -> Any:
        """Return the newest `RolloutStatus` of a rollout; an empty one: none was received."""
        return self._statuses.get(rollout_id) or msg.RolloutStatus()

    @property
    def rollout_state(self) -> Status | None:
        """Return the status of the running rollout, or of the last one; None: none yet."""
        return status_of(self.status.status)

    def view_of(self, rollout_id: str = '') -> RolloutView:
        """Return the newest status of a rollout as a plain value; no id: that of `status`."""
        return rollout_view(self.status_of(rollout_id) if rollout_id else self.status)

    def routings(self) -> dict[str, Routing]:
        """Return the newest routing of each robot."""
        return {name: routing_value(one.routing) for name, one in self.robots.copy().items()}

    def healthy_robots(self) -> list[str]:
        """Return the robots whose last status is healthy."""
        ok = msg.RobotStatus.HEALTH_OK
        return [name for name, status in self.robots.copy().items() if status.health == ok]

    def unreachable_robots(self) -> list[str]:
        """Return the robots that this client has not heard for five seconds, but before."""
        since = time.monotonic() - _UNREACHABLE_S
        heard_at = self._robots_heard_at.copy()
        return sorted(name for name, heard in heard_at.items() if heard < since)

    def coordinator_silent_s(self) -> float:
        """Return for how long no coordinator was heard, in seconds; it speaks once a second."""
        return time.monotonic() - self._coordinator_heard_at

    def wait_for_status(self, timeout_s: float) -> None:
        """Wait for a first status: it is latched, and comes soon after the client was made."""
        give_up_at = time.monotonic() + timeout_s
        while not self._status.stamp.sec and time.monotonic() < give_up_at:
            time.sleep(0.02)

    def wait_for_coordinator(self, timeout_s: float) -> bool:
        """Wait until the coordinator accepts goals; return whether it does."""
        return bool(self._rollout.wait_for_server(timeout_sec=timeout_s))

    def is_there(self) -> bool:
        """Return whether a coordinator accepts goals at this moment."""
        return bool(self._rollout.server_is_ready())

    def start_rollout(self, plan: str) -> Future[Any]:
        """Send a plan; the future gives the result of `action/Rollout`."""
        return self._send(self._rollout, action.Rollout.Goal(plan=plan, nonce=_new_nonce()))

    def validate(self, plan: str, timeout_s: float) -> Any:
        """Return the preview of a plan, the answer of `srv/ValidatePlan`. Raises TimeoutError."""
        return self._call(srv.ValidatePlan, 'validate_plan', timeout_s, plan=plan)

    def roll_back(
        self, model_id: str, version: str = '', robots: Sequence[str] = ()
    ) -> Future[Any]:
        """
        Roll back to a version, on all robots if none are named.

        The future gives the result of `action/Rollback`.
        """
        goal = action.Rollback.Goal(
            model_id=model_id, version=version, robot_ids=list(robots), nonce=_new_nonce()
        )
        return self._send(self._rollback, goal)

    def control(
        self,
        command: str,
        rollout_id: str,
        remark: str,
        share: float,
        by: str = '',
        robot_id: str = '',
    ) -> None:
        """
        Send a command of `srv/ControlRollout` to a rollout. Raises like `history`.

        One that leads on to a later step is for the step of the newest status.
        """
        number = getattr(srv.ControlRollout.Request, command)
        fields = {'rollout_id': rollout_id, 'remark': remark, 'share': share, 'by': by}
        fields |= {'robot_id': robot_id, 'nonce': _new_nonce()}
        if command in _LEADS_ON:
            fields |= self._place(rollout_id)
        self._ask(srv.ControlRollout, 'control_rollout', command=number, **fields)

    def _place(self, rollout_id: str) -> dict[str, Any]:
        """Return the fields of the rollout and step that people see at this moment."""
        self.wait_for_status(_ANSWER_S)
        under_way = list(self._status.rollouts_under_way)
        # The coordinator refuses a command that may be for one of several.
        named = rollout_id or (under_way[0] if len(under_way) == 1 else '')
        status = self.status_of(named)
        step = status.step_index if status.rollout_id else -1
        return {'rollout_id': named, 'step_index': step}

    def history(self, limit: int) -> list[RolloutSummary]:
        """
        Return the rollouts, newest first, all for a limit of 0.

        Raises CoordinatorError for a refusal and TimeoutError without an answer.
        """
        answer = self._ask(srv.ListRollouts, 'list_rollouts', limit=limit)
        try:
            return [summary_value(found) for found in answer.rollouts]
        except InterfaceMismatchError as error:
            raise CoordinatorError(str(error)) from error

    def report(self, rollout_id: str) -> dict[str, Any]:
        """Return the evidence of a rollout, the newest for an empty id. Raises like `history`."""
        answer = self._ask(srv.GetReport, 'get_report', rollout_id=rollout_id)
        found: dict[str, Any] = json.loads(answer.report)
        return found

    def listen_to_alerts(self, hear: Callable[[Event], None]) -> None:
        """Call `hear` with the event of each alert, in another thread."""
        self._node.create_subscription(
            msg.Alert,
            f'{self._coordinator}/alerts',
            lambda alert: hear(alert_value(alert)),
            qos.EVENT,
        )

    def call(self, kind: Any, name: str, timeout_s: float, **fields: Any) -> Any:
        """Return the answer of any service. Raises TimeoutError."""
        if name not in self._askers:
            self._askers[name] = self._node.create_client(kind, name)
        asker = self._askers[name]
        if not asker.wait_for_service(timeout_sec=timeout_s):
            raise TimeoutError(f'no {asker.srv_name} within {timeout_s:g} s')
        outcome: Future[Any] = Future()
        asker.call_async(kind.Request(**fields)).add_done_callback(
            lambda done: outcome.set_result(done.result())
        )
        return self.wait(outcome, timeout_s, lambda: None)

    def _ask(self, kind: Any, name: str, **fields: Any) -> Any:
        answer = self._call(kind, name, _ANSWER_S, **fields)
        if answer.error_code:
            raise CoordinatorError(answer.error_msg)
        return answer

    def _call(self, kind: Any, name: str, timeout_s: float, **fields: Any) -> Any:
        return self.call(kind, f'{self._coordinator}/{name}', timeout_s, **fields)

    def wait(
        self, future: Future[Any], timeout_s: float, while_waiting: Callable[[], None]
    ) -> Any:
        """Return the future's result, calling `while_waiting` ten times a second until then."""
        give_up_at = time.monotonic() + timeout_s
        while time.monotonic() < give_up_at:
            while_waiting()
            try:
                return future.result(timeout=0.1)
            except TimeoutError:
                continue
            # The futures of Python 3.10 raise their own TimeoutError.
            except Exception as error:
                if type(error).__name__ != 'TimeoutError':
                    raise
        raise TimeoutError(f'no answer from the coordinator within {timeout_s:g} s')

    def _send(self, client: ActionClient, goal: Any) -> Future[Any]:
        outcome: Future[Any] = Future()

        def on_accepted(future: Any) -> None:
            future.result().get_result_async().add_done_callback(on_result)

        def on_result(future: Any) -> None:
            outcome.set_result(future.result().result)

        client.send_goal_async(goal).add_done_callback(on_accepted)
        return outcome

    def _on_rollout(self, status: Any) -> None:
        self._coordinator_heard_at = time.monotonic()
        self._statuses[status.rollout_id] = status
        self._status = status

    def _on_robot(self, status: Any) -> None:
        self._robots_heard_at[status.robot_id] = time.monotonic()
        self.robots[status.robot_id] = status

    def _spin(self) -> None:
        while not self._stopping.is_set():
            self._executor.spin_once(timeout_sec=0.1)


def _new_nonce() -> str:
    """Return the mark of a new command, by which the coordinator tells a copy of it."""
    return secrets.token_hex(8)
