# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Calls of the services of robots, each with a deadline."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import Any

from rclpy.clock import Clock
from rclpy.node import Node
from rclpy.task import Future

from hotswap_ros import srv
from hotswap_ros.coordinator import Coordinator
from hotswap_ros.fleet import Command, LoadVersion, Route, UnloadVersion
from hotswap_ros.nodes.conversions.bounds import sentence
from hotswap_ros.nodes.conversions.common import routing_msg
from hotswap_ros.nodes.coordinator.loop import LoopLink
from hotswap_ros.rollout import Cause

_LOAD_CAUSES = {
    srv.LoadModel.Response.UNKNOWN_MODEL: Cause.STAGING_FAILED,
    srv.LoadModel.Response.UNKNOWN_VERSION: Cause.UNKNOWN_VERSION,
    srv.LoadModel.Response.INVALID_MANIFEST: Cause.STAGING_FAILED,
    srv.LoadModel.Response.DIGEST_MISMATCH: Cause.DIGEST_MISMATCH,
    srv.LoadModel.Response.LOAD_FAILED: Cause.STAGING_FAILED,
    srv.LoadModel.Response.NO_DISK: Cause.STAGING_FAILED,
}
_SERVICES = {
    LoadVersion: (srv.LoadModel, 'load_model'),
    UnloadVersion: (srv.UnloadModel, 'unload_model'),
    Route: (srv.SetRouting, 'set_routing'),
}


#: The service that routes a robot.
_ROUTES = _SERVICES[Route][1]


class RobotCalls:
    """
    Clients of the services of robots; answers go to the loop.

    A call without an answer within `timeout_s` (`load_timeout_s` for loading) is given up.
    """

    def __init__(
        self, node: Node, link: LoopLink, clock: Clock, timeout_s: float, load_timeout_s: float
    ) -> None:
        self._node = node
        self._link = link
        self._timeout_s = timeout_s
        self._load_timeout_s = load_timeout_s
        self._callers: dict[tuple[str, str], Any] = {}
        #: The last refusal of each robot and kind of command, without its figures.
        self._refusals: dict[tuple[str, type[Command]], str] = {}
        self._calls: dict[Future[Any], tuple[float, Command, Any]] = {}
        node.create_timer(0.1, self._give_up_late_calls, clock=clock)

    def prepare(self, server: str) -> None:
        """
        Create the client that routes a robot: a rollback must not wait for its discovery.

        Raises InvalidServiceNameException.
        """
        self._client(server, Route)

    @property
    def servers(self) -> frozenset[str]:
        """Return the servers with a client that routes them."""
        return frozenset(server for server, name in self._callers if name == _ROUTES)

    def forget(self, server: str) -> None:
        """Destroy the clients of a server, unless they wait for an answer."""
        waiting = {id(client) for _, _, client in self._calls.values()}
        for _, name in _SERVICES.values():
            client = self._callers.get((server, name))
            if client is not None and id(client) not in waiting:
                del self._callers[server, name]
                self._node.destroy_client(client)

    def send(self, command: Command) -> None:
        """Send a command, or report it to the loop as unsent."""
        client = self._client(command.server, type(command))
        if not client.service_is_ready():
            self._link.post(partial(_unsent, command))
            return
        future = client.call_async(_request(command))
        limit = self._timeout_s
        if isinstance(command, LoadVersion):
            limit = self._load_timeout_s
        self._calls[future] = (time.monotonic() + limit, command, client)
        future.add_done_callback(partial(self._on_answer, command))

    def _on_answer(self, command: Command, future: Future[Any]) -> None:
        self._calls.pop(future, None)
        if future.cancelled() or future.exception() is not None:
            return
        answer = future.result()
        if not answer.error_code:
            self._refusals.pop((command.robot_id, type(command)), None)
            return
        cause = Cause.NONE
        if isinstance(command, LoadVersion):
            cause = _LOAD_CAUSES.get(answer.error_code, Cause.NONE)
        elif isinstance(command, Route) and answer.error_code == srv.SetRouting.Response.INVALID:
            cause = Cause.STAGING_FAILED
        text = sentence(answer.error_msg)
        self._log_refusal(command, text)
        self._link.post(lambda coordinator, now: coordinator.on_refused(command, cause, text, now))

    def _log_refusal(self, command: Command, text: str) -> None:
        """Log a refusal once, not at each repetition of the command, which comes every second."""
        key = (command.robot_id, type(command))
        # Generations and times differ from one repetition to the next.
        what = re.sub(r'\d+', '', text)
        if self._refusals.get(key) != what:
            self._refusals[key] = what
            self._node.get_logger().warning(f'{command.robot_id}: {text}')

    def _give_up_late_calls(self) -> None:
        now = time.monotonic()
        late = [(f, c, client) for f, (limit, c, client) in self._calls.items() if limit <= now]
        for future, command, client in late:
            del self._calls[future]
            client.remove_pending_request(future)
            self._link.post(partial(_unsent, command))

    def _client(self, server: str, kind: type[Command]) -> Any:
        service_type, name = _SERVICES[kind]
        key = (server, name)
        if key not in self._callers:
            self._callers[key] = self._node.create_client(service_type, f'{server}/{name}')
        return self._callers[key]


def _request(command: Command) -> Any:
    if isinstance(command, Route):
        return srv.SetRouting.Request(routing=routing_msg(command.routing))
    version = {'model_id': command.model_id, 'version': command.version}
    if isinstance(command, LoadVersion):
        return srv.LoadModel.Request(**version)
    return srv.UnloadModel.Request(**version, delete_files=command.delete_files)


def _unsent(command: Command, coordinator: Coordinator, now: float) -> None:
    coordinator.on_unsent(command)
