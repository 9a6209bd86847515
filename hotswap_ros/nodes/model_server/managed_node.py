# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The managed node of one robot, with entities that end when it is cleaned up."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.lifecycle import LifecycleNode

from hotswap_ros.nodes.model_server.parameters import ModelServerParameters
from hotswap_ros.nodes.model_server.robot_name import id_problem
from hotswap_ros.nodes.parameters import declare


class ManagedNode(LifecycleNode):
    """A node with the parameters of a model server, but nothing to serve yet."""

    PARAMETERS: type[ModelServerParameters] = ModelServerParameters
    NAME = 'model_server'

    def __init__(self, **node_options: Any) -> None:
        super().__init__(self.NAME, **node_options)
        self.parameters = declare(self, self.PARAMETERS)
        self._active = False
        self._models = Path()
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        # The default group waits for the end of a coroutine: no inference while a version loads.
        self._at_once = ReentrantCallbackGroup()
        self._entities: list[tuple[Callable[[Any], Any], Any]] = []

    @property
    def is_active(self) -> bool:
        """Return whether the node answers."""
        return self._active

    @property
    def robot_id(self) -> str:
        """Return the robot's name in the fleet."""
        return self.parameters.robot_id or socket.gethostname()

    @property
    def unstable_id(self) -> str:
        """Return why the robot's id is probably not stable; empty: it is."""
        return id_problem(self.parameters.robot_id, socket.gethostname())

    def now(self) -> Any:
        """Return the stamp of a message that is made now."""
        return self.get_clock().now().to_msg()

    def wall_time(self) -> float:
        """Return the time of routings, in seconds since 1970: never that of a simulation."""
        return time.time()

    def disk_free_bytes(self) -> int:
        """Return the free space where versions are kept. Raises OSError."""
        return shutil.disk_usage(self._models).free

    def publisher(self, kind: Any, topic: str, profile: Any) -> Any:
        """Return a publisher."""
        # Not a lifecycle publisher: the fleet hears of an inactive robot too.
        publisher = self.create_publisher(kind, topic, profile)
        self._entities.append((self.destroy_publisher, publisher))
        return publisher

    def listen(self, kind: Any, topic: str, callback: Callable[[Any], Any], profile: Any) -> None:
        """Subscribe to a topic."""
        subscription = self.create_subscription(kind, topic, callback, profile)
        self._entities.append((self.destroy_subscription, subscription))

    def service(self, kind: Any, name: str, callback: Callable[[Any, Any], Any]) -> None:
        """Serve `~/name`; the callback may be a coroutine."""
        service = self.create_service(kind, f'~/{name}', callback, callback_group=self._at_once)
        self._entities.append((self.destroy_service, service))

    def every(self, period_s: float, callback: Callable[[], Any]) -> None:
        """Call something again and again, by the steady clock."""
        timer = self.create_timer(period_s, callback, clock=self._steady)
        self._entities.append((self.destroy_timer, timer))

    def destroy_entities(self) -> None:
        """Destroy publishers, subscriptions, services and timers, the last one first."""
        for destroy, entity in reversed(self._entities):
            destroy(entity)
        self._entities.clear()
