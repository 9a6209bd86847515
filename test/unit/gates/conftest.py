# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots that count as model servers do, and the checks of a gate by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from _counting_robot import CountingRobot

from hotswap_ros.gates import CheckResult, Gate


@pytest.fixture
def robot() -> Callable[..., CountingRobot]:
    """Return a maker of robots."""

    def make(robot_id: str = 'amr_001', control: str = 'v23') -> CountingRobot:
        return CountingRobot(robot_id, control)

    return make


@pytest.fixture
def check() -> Callable[..., CheckResult]:
    """Return a function that gives one check of a gate by its name."""

    def find(gate: Gate, name: str, *, complete: bool = False) -> CheckResult:
        return {result.name: result for result in gate.checks(complete=complete)}[name]

    return find
