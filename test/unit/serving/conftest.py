# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""An engine with a clock that tests move by hand."""

from typing import Any

import pytest

from hotswap_ros.serving import Engine


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(repository: Any, clock: Clock) -> Engine:
    """Return an engine without versions."""
    return Engine('policy', repository, clock=clock, resident_limit=3)
