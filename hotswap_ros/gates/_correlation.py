# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Robots are clusters: tasks of one robot are alike, and so tell less than as many of others."""

from __future__ import annotations

from collections.abc import Sequence


def intraclass(robots: Sequence[tuple[int, int]]) -> float:
    """
    Return the intra-class correlation of (successes, tasks) per robot, by analysis of variance.

    Zero when robots differ as much as chance makes them, below zero when they differ less, and
    zero where it cannot be told: fewer than two robots, or one task each.

    Source: Ridout, Demétrio, Firth 1999, "Estimating intraclass correlation for binary data",
    Biometrics 55.
    """
    total = sum(tasks for _, tasks in robots)
    if len(robots) < 2 or total <= len(robots):
        return 0.0
    mean = sum(successes for successes, _ in robots) / total
    between = sum(n * (s / n - mean) ** 2 for s, n in robots) / (len(robots) - 1)
    within = sum(s * (1 - s / n) for s, n in robots) / (total - len(robots))
    size = (total - sum(n * n for _, n in robots) / total) / (len(robots) - 1)
    spread = between + (size - 1) * within
    return (between - within) / spread if spread else 0.0


def design_effect(sizes: Sequence[int], correlation: float) -> float:
    """
    Return by how much clusters of these sizes blow a variance up: 1 + (m − 1)·ρ, at least 1.

    m is the mean size as a task meets it, Σn²/Σn.

    Source: Kish 1965, "Survey Sampling", section 8.2.
    """
    total = sum(sizes)
    if not total:
        return 1.0
    return max(1.0, 1 + (sum(n * n for n in sizes) / total - 1) * correlation)
