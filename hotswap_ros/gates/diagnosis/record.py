# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks as a diagnosis knows them, and the test that it is made with."""

from __future__ import annotations

import math
from typing import NamedTuple

from hotswap_ros.gates.stats.intervals import score_test


class Record(NamedTuple):
    """
    One task, or the counts of several that are alike in everything else.

    `time` is when it began, in seconds on any clock. Empty and NaN stand for what is not known.
    """

    version: str
    tasks: int = 1
    successes: int = 0
    stuck: int = 0
    robot_id: str = ''
    category: str = ''
    time: float = math.nan
    task_id: str = ''
    error: str = ''
    latency_ms: float = math.nan


class Counts(NamedTuple):
    """Successes among tasks of one version."""

    successes: int
    tasks: int

    @property
    def rate(self) -> float:
        """Return the share that succeeded."""
        return self.successes / self.tasks

    @property
    def failures(self) -> int:
        """Return how many did not succeed."""
        return self.tasks - self.successes


def p_worse(control: Counts, candidate: Counts) -> float:
    """Return the one-sided p value of "the candidate is not worse"; the gate's own score test."""
    return score_test(*control, *candidate, 0.0)
