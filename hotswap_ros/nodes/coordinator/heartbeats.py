# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Heartbeats of the coordinator, in a thread that nothing else can delay."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from rclpy.node import Node

from hotswap_ros import msg
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.coordinator.loop import LoopLink

#: Seconds that the loop may take for one turn, on a slow disk. Leases then end: the gates of the
#: rollouts are not asked any more.
_TURN_S = 10.0
#: Number of its own recent heartbeats that a coordinator recognises.
_OWN_BEATS = 64


class Heartbeats(threading.Thread):
    """
    Publishes a heartbeat every `period_s`, and at once for other rollouts.

    The thread waits for nobody: not for the executor, which may have messages and calls to work
    off, and not for the loop, which may wait for a disk. When a turn of the loop takes longer than
    `turn_s`, heartbeats name no rollout. It ends with `stop`.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        link: LoopLink,
        period_s: float,
        *,
        turn_s: float = _TURN_S,
    ) -> None:
        super().__init__(name='heartbeat', daemon=True)
        self._publisher = node.create_publisher(msg.Heartbeat, topic, qos.STREAM)
        self._clock = node.get_clock()
        self._link = link
        self._period_s = period_s
        self._turn_s = turn_s
        self._own: deque[Any] = deque(maxlen=_OWN_BEATS)
        self._due = threading.Event()
        self._stopped = False
        self._rollouts: tuple[str, ...] | None = ()
        self._turned_at = time.monotonic()
        link.renew = self.renew
        self.start()

    def renew(self, rollouts: tuple[str, ...] | None) -> None:
        """Take the rollouts whose leases are renewed; None: no heartbeat. From any thread."""
        self._turned_at = time.monotonic()
        if rollouts != self._rollouts:
            self._rollouts = rollouts
            self._due.set()

    def is_own(self, heartbeat: Any) -> bool:
        """Return whether this coordinator sent a heartbeat, and not one of the same epoch."""
        return heartbeat.epoch == self._link.epoch and heartbeat.stamp in list(self._own)

    def stop(self) -> None:
        """End the thread."""
        self._stopped = True
        self._due.set()
        self.join(1.0)

    def run(self) -> None:
        """Send until `stop` is called."""
        while not self._stopped:
            rollouts = self._rollouts
            # Without the loop no one watches the rollouts: their leases must end.
            if rollouts is not None and self._link.is_alive:
                is_late = time.monotonic() - self._turned_at > self._turn_s
                self._send(() if is_late else rollouts)
            self._due.wait(self._period_s)
            self._due.clear()

    def _send(self, rollouts: tuple[str, ...]) -> None:
        stamp = self._clock.now().to_msg()
        self._own.append(stamp)
        self._publisher.publish(
            msg.Heartbeat(stamp=stamp, epoch=self._link.epoch, rollout_ids=rollouts)
        )
