# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A computer with other things to do, on which inference takes longer."""

from __future__ import annotations

import math
from time import perf_counter, sleep
from typing import Any

from numpy.typing import NDArray

from hotswap_ros.models import VerifiedVersion
from hotswap_ros.serving import RuntimeSettings, Session


class SlowSession(Session):
    """A session whose runs take `slowdown` times as long as they need, most of it idle."""

    def __init__(
        self, verified: VerifiedVersion, settings: RuntimeSettings, slowdown: float
    ) -> None:
        super().__init__(verified, settings)
        self._slowdown = slowdown

    def run(
        self, inputs: dict[str, NDArray[Any]], patience_s: float = math.inf
    ) -> tuple[dict[str, NDArray[Any]], float]:
        """Return the outputs, later. Raises what the runtime raises."""
        started = perf_counter()
        try:
            return super().run(inputs, patience_s)
        finally:
            sleep((perf_counter() - started) * (self._slowdown - 1.0))
