# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Odds: what a plan makes of a version, as shares of rollouts."""

from __future__ import annotations

from dataclasses import dataclass

#: Differences of the success rate, candidate minus control, that a plan is asked about.
DIFFERENCES = (0.02, 0.0, -0.02, -0.03, -0.05)


@dataclass(frozen=True)
class Odds:
    """
    What becomes of a version whose success rate differs from the control's by `difference`.

    Shares (0 to 1) of rollouts that promote it, roll it back, or pause for a person (`undecided`).
    `tasks` and `seconds` are medians of the candidate's tasks and of the time until a promotion;
    None: there is none, or the time is not known.
    """

    difference: float
    promoted: float
    rolled_back: float
    undecided: float
    tasks: float | None = None
    seconds: float | None = None
