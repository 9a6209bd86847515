# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Heartbeats: which rollouts keep their leases when the loop is slow."""

import queue
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from hotswap_ros import msg
from hotswap_ros.nodes.coordinator.heartbeats import Heartbeats

PATIENCE_S = 60.0


@pytest.fixture
def make_beats():
    """Return a maker of heartbeats without DDS, and of what they published."""
    running = []

    def make(turn_s):
        published = queue.SimpleQueue()
        node = MagicMock()
        node.create_publisher = lambda *_: SimpleNamespace(publish=published.put)
        node.get_clock().now().to_msg.return_value = msg.Heartbeat().stamp
        link = SimpleNamespace(epoch=7, is_alive=True, renew=None)
        running.append(Heartbeats(node, '/heartbeat', link, 0.01, turn_s=turn_s))
        return link, published

    yield make
    for beats in running:
        beats.stop()


def wait_for(published, rollouts):
    """Wait for a heartbeat that names just these rollouts."""
    while list(published.get(timeout=PATIENCE_S).rollout_ids) != rollouts:
        pass


def test_a_loop_that_stands_still_renews_no_lease(make_beats):
    link, published = make_beats(turn_s=0.05)
    link.renew(('rollout',))
    wait_for(published, [])  # This coordinator is still there, and watches nothing.
    link.renew(('rollout',))
    wait_for(published, ['rollout'])
