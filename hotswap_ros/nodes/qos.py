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


#: Repeated soon anyway: telemetry, heartbeats, observations and decisions.
STREAM = _profile(10, ReliabilityPolicy.BEST_EFFORT)
#: Each one matters once: status changes, task results, alerts.
EVENT = _profile(100, ReliabilityPolicy.RELIABLE)
#: The newest value, also for who comes late: the rollout status.
STATE = _profile(1, ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)
#: The same, to hear every rollout that is under way: each tells its own status.
STATE_OF_EACH = _profile(100, ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)
#: Of the same kinds, for who listens to a whole fleet: a thousand robots may speak at once.
STREAM_OF_FLEET = _profile(5_000, ReliabilityPolicy.BEST_EFFORT)
EVENT_OF_FLEET = _profile(5_000, ReliabilityPolicy.RELIABLE)
