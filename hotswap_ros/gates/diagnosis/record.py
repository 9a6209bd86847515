# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks as records and counts, and the test that compares them."""

from __future__ import annotations

import math
from typing import NamedTuple

from hotswap_ros.gates.stats.intervals import score_test


class Record(NamedTuple):
    """
    One task, or the counts of several tasks that agree in all other fields.

    `time` is the start of the task in seconds, on any clock. `progress` is the part of the task
    that was done, 0 to 1, `duration_s` the time that it took, and `interventions` how often a
    person helped; they are for single tasks. Empty text and NaN stand for what is not known.
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
    progress: float = math.nan
    duration_s: float = math.nan
    interventions: float = math.nan


class Counts(NamedTuple):
    """Successes among tasks of one version."""

    successes: int
    tasks: int

    @property
    def rate(self) -> float:
        """Return the success rate, 0 to 1."""
        return self.successes / self.tasks

    @property
    def failures(self) -> int:
        """Return the number of failures."""
        return self.tasks - self.successes


def p_worse(control: Counts, candidate: Counts) -> float:
    """Return the one-sided p value of "the candidate is not worse", by the gate's score test."""
    return score_test(*control, *candidate, 0.0)
