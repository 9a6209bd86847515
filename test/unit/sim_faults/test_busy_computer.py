# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Inference on a computer with other things to do."""

from functools import partial
from typing import Any

from hotswap_ros.serving import Engine, Routing
from hotswap_ros.sim.faults.busy_computer import SlowSession


def test_a_slowed_version_decides_the_same_in_more_time(make_version: Any, observe: Any) -> None:
    make_version('v1')
    slow_session = partial(SlowSession, slowdown=200.0)
    with Engine(make_version.repository, 'policy', open_session=slow_session) as engine:
        engine.load('v1')
        engine.set_routing(Routing('policy', 'v1'))
        (info,) = engine.versions()
        slow = engine.infer(observe(), 'task')
        (counters,) = engine.counters().values()
    with Engine(make_version.repository, 'policy') as engine:
        engine.load('v1')
        engine.set_routing(Routing('policy', 'v1'))
        quick = engine.infer(observe(), 'task')
    assert (slow.outputs['decision'] == quick.outputs['decision']).all()
    # Less than a hundred microseconds without.
    assert slow.latency_ms > quick.latency_ms
    # Warming up takes longer too: the robot reports the latency of its busy computer.
    assert info.warm_latency_ms > quick.latency_ms
    assert counters.requests == 1
