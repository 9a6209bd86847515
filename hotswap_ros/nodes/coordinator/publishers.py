# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Publishers of the coordinator: rollout status, alerts, log and diagnostics."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from hotswap_ros import msg
from hotswap_ros.coordinator import Snapshot
from hotswap_ros.fleet import Event, Level
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.conversions.common import diagnostics_msg
from hotswap_ros.nodes.conversions.rollout import alert_msg, rollout_status_msg
from hotswap_ros.nodes.coordinator.loop import News
from hotswap_ros.text import count

#: Number of repeats in which a subscriber must be seen: it is known here before it is connected.
_REPEATS = 2


class CoordinatorPublishers:
    """
    Publishers of `~/rollout_status`, `~/alerts` and `/diagnostics`; `epoch` is for the latter.

    `on_published` is called with the numbers of the events whose alerts are published. The newest
    hundred alerts wait for a subscriber, also over a restart. Transient-local durability would
    repeat old alerts to each new tool, and lose them with the process.
    """

    def __init__(self, node: Node, epoch: int, on_published: Callable[[int], None]) -> None:
        self._node = node
        self._epoch = epoch
        self._on_published = on_published
        #: Repeats since there is a subscriber to alerts.
        self._repeats = 0
        # The queue of a subscriber is no longer.
        self._pending_alerts: deque[Event] = deque(maxlen=qos.EVENT.depth)
        self._pending_number = 0
        self._shown: tuple[Snapshot, ...] = ()
        self._robots_heard = 0
        self._quarantined: tuple[str, ...] = ()
        self._journal_error = ''
        self._taken_over = ''
        self._published: dict[str, str] = {}
        self._statuses = node.create_publisher(msg.RolloutStatus, '~/rollout_status', qos.STATE)
        self._alerts = node.create_publisher(msg.Alert, '~/alerts', qos.EVENT)
        # Tools expect this absolute name.
        self._diagnostics = node.create_publisher(DiagnosticArray, '/diagnostics', qos.EVENT)

    def take(self, news: News) -> None:
        """Publish the news of a tick."""
        if news.events_of_past:
            self._node.get_logger().info(_published_late(news.events_of_past))
        for event in news.events[news.events_of_past :]:
            self._log(event)
        self._pending_alerts += [event for event in news.events if event.alert]
        self._pending_number = max(self._pending_number, news.events_number)
        self._publish_alerts()
        if news.journal_error and news.journal_error != self._journal_error:
            self._node.get_logger().error(news.journal_error)
        self._journal_error = news.journal_error
        if news.archive_error:
            self._node.get_logger().error(news.archive_error)
        self._shown = news.shown
        self._robots_heard = news.robots_heard
        self._quarantined = news.robots_quarantined
        self._taken_over = news.taken_over
        for snapshot in self._take_changed():
            self._publish_status(snapshot)

    def repeat(
        self,
        health: Mapping[tuple[str, str], int],
        journal: Mapping[str, str] | None = None,
        problem: str = '',
    ) -> None:
        """
        Publish the current state.

        `health` is that of each robot, by model and robot; `problem`: why others are not heard.
        `journal` are figures of the journal, for diagnostics.
        """
        self._repeats = self._repeats + 1 if self._has_subscriber else 0
        self._publish_alerts()
        for snapshot in self._shown or (None,):
            self._publish_status(snapshot)
        self._publish_diagnostics(health, journal or {}, problem)

    def _take_changed(self) -> list[Snapshot]:
        """Return the rollouts whose status has changed since it was last published."""
        shown = {s.state.rollout_id: s for s in self._shown}
        before, after = self._published, {i: _key(s) for i, s in shown.items()}
        self._published = after
        return [s for i, s in shown.items() if before.get(i) != after[i]]

    @property
    def _has_subscriber(self) -> bool:
        return bool(self._alerts.get_subscription_count() > 0)

    def _publish_alerts(self) -> None:
        """Publish the pending alerts, as soon as there is a subscriber."""
        if not self._pending_number:
            return
        if self._pending_alerts and (self._repeats < _REPEATS or not self._has_subscriber):
            return
        for event in self._pending_alerts:
            self._alerts.publish(alert_msg(event))
        self._on_published(self._pending_number)
        self._pending_alerts.clear()
        self._pending_number = 0

    def _log(self, event: Event) -> None:
        where = f'[{event.rollout_id}] {event.kind}: ' if event.rollout_id else ''
        text = f'{where}{event.text}'
        logger = self._node.get_logger()
        if event.level is Level.ERROR:
            logger.error(text)
        elif event.level is Level.WARNING:
            logger.warning(text)
        else:
            logger.info(text)

    def _publish_status(self, snapshot: Snapshot | None) -> None:
        if self._taken_over:
            return
        status = msg.RolloutStatus()
        if snapshot is not None:
            status = rollout_status_msg(snapshot)
        status.rollouts_under_way = self._under_way
        status.stamp = self._now()
        status.robots_heard = self._robots_heard
        status.robots_quarantined = self._quarantined
        self._statuses.publish(status)

    @property
    def _under_way(self) -> list[str]:
        states = [snapshot.state for snapshot in self._shown]
        return [state.rollout_id for state in states if not state.status.is_terminal]

    def _publish_diagnostics(
        self, health: Mapping[tuple[str, str], int], journal: Mapping[str, str], problem: str
    ) -> None:
        unhealthy = [r for (_, r), is_in in health.items() if is_in != msg.RobotStatus.HEALTH_OK]
        level, text = DiagnosticStatus.OK, f'{self._robots_heard} robots reachable'
        if self._robots_heard < len(health):
            level = DiagnosticStatus.WARN
            text = f'{self._robots_heard} of {len(health)} robots reachable'
        if unhealthy:
            level = DiagnosticStatus.WARN
            text += f', {len(unhealthy)} unhealthy: ' + ', '.join(unhealthy[:10])
        if problem:
            level, text = DiagnosticStatus.WARN, f'{text}, {problem}'
        if self._quarantined:
            level = DiagnosticStatus.WARN
            text += f', quarantined (duplicate robot_id): {", ".join(self._quarantined[:10])}'
        if self._journal_error:
            level, text = DiagnosticStatus.ERROR, self._journal_error
        if self._taken_over:
            level, text = DiagnosticStatus.ERROR, self._taken_over
        values = {'epoch': str(self._epoch), 'alerts_pending': str(len(self._pending_alerts))}
        values |= journal
        if self._under_way:
            values['under way'] = ', '.join(self._under_way)
        if self._shown:
            state = self._shown[-1].state
            values |= {'rollout': state.rollout_id, 'status': state.status.value}
            values |= {'version': state.plan.version, 'reason': state.reason}
        name = 'fleet_coordinator: rollouts'
        self._diagnostics.publish(diagnostics_msg(self._now(), level, name, text, values))

    def _now(self) -> Any:
        return self._node.get_clock().now().to_msg()


def _published_late(number: int) -> str:
    """Return that alerts of the past go out; the log of that time has them."""
    alerts = count(number, 'alert')
    return f'{alerts} from before this start: the next subscriber of ~/alerts gets them'


def _key(snapshot: Snapshot) -> str:
    state = snapshot.state
    key = f'{state.status} {state.step_index} {state.pause_reason}'
    return f'{key} {snapshot.robots_confirmed} {snapshot.robots_unreachable} {snapshot.tasks}'
