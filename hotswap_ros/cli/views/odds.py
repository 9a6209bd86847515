# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The outlook of a plan: a line for each version that it may be given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hotswap_ros.cli.views.document import Grid
from hotswap_ros.coordinator import difference_words
from hotswap_ros.gates import Odds
from hotswap_ros.text import percent, time_words

HEADERS = ('a version that is', 'promoted', 'rolled back', 'left to a person', 'tasks', 'time')


def odds_value(odds: Any) -> Odds:
    """Return the odds in a `msg/PlanOdds`."""
    return Odds(
        odds.difference,
        odds.promoted,
        odds.rolled_back,
        odds.undecided,
        None if math.isnan(odds.tasks) else odds.tasks,
        None if math.isnan(odds.seconds) else odds.seconds,
    )


def odds_rows(odds: Sequence[Odds]) -> list[list[str]]:
    """Return the cells of a table; tasks and time are medians until a promotion."""
    return [
        [
            difference_words(one.difference),
            percent(one.promoted),
            percent(one.rolled_back),
            percent(one.undecided),
            '–' if one.tasks is None else f'{one.tasks:,.0f}',
            '–' if one.seconds is None else time_words(one.seconds),
        ]
        for one in odds
    ]


def odds_grid(odds: Sequence[Odds]) -> Grid:
    """Return the table for a document."""
    return Grid(list(HEADERS), odds_rows(odds))
