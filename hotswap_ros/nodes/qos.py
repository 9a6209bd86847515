# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The quality-of-service profiles of every topic, in one place."""

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
)


def _profile(
    depth: int,
    reliability: ReliabilityPolicy,
    durability: DurabilityPolicy = DurabilityPolicy.VOLATILE,
) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=durability,
        liveliness=LivelinessPolicy.AUTOMATIC,
    )


#: Repeated streams: telemetry, heartbeats, observations and decisions.
STREAM = _profile(10, ReliabilityPolicy.BEST_EFFORT)
#: Single events: status changes, task results, alerts.
EVENT = _profile(100, ReliabilityPolicy.RELIABLE)
#: The newest value, also for late subscribers: the rollout status.
STATE = _profile(1, ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)
#: The same, for every rollout that is under way: each has its own status.
STATE_OF_EACH = _profile(100, ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)
#: The newest message of a robot's own topics: sensors, commands, outcomes.
NEWEST = _profile(1, ReliabilityPolicy.BEST_EFFORT)
NEWEST_RELIABLE = _profile(1, ReliabilityPolicy.RELIABLE)
#: Of the same kinds, for subscribers to a whole fleet: a thousand robots may publish at once.
STREAM_OF_FLEET = _profile(5_000, ReliabilityPolicy.BEST_EFFORT)
EVENT_OF_FLEET = _profile(5_000, ReliabilityPolicy.RELIABLE)
