# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bounds of the drop in success rate: a confidence sequence from e-processes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.gates.stats.evidence import HARM_DROPS, Block
from hotswap_ros.gates.stats.intervals import Interval

Array = NDArray[np.float64]

#: Tested drops (negative: gains), closer together where decisions are made.
_FINE = np.arange(-10, 11) * 0.005
_MIDDLE = np.arange(6, 21) * 0.01
_COARSE = np.arange(9, 37) * 0.025
_DROPS: Array = np.concatenate((-_COARSE[11::-1], -_MIDDLE[::-1], _FINE, _MIDDLE, _COARSE))
#: Distances of the alternatives below a tested drop; above it they are HARM_DROPS.
_BELOW = (0.03, 0.08, 0.18)
_FLOOR = 0.001
#: Newton steps to a root: the error is below 1e-6, and only its square matters.
_STEPS = 10
_EDGE = 1e-9
#: Blocks are added so many at a time: one by one, most of the time would go into small arrays.
_TOGETHER = 32


class DropBounds:
    """
    A confidence sequence of the drop: all drops that no e-process has refuted.

    Every drop of a grid has the e-process of BlockEvidence against "at most this drop" and one
    against "at least this drop". If the first reaches 1/`tails[0]`, the drop is larger; if the
    second reaches 1/`tails[1]`, it is smaller. Between the points of the grid, the logarithm of
    the evidence is interpolated. `nulls` are additional points of the grid: the lower bound passes
    such a point at the block at which BlockEvidence against it reaches its limit.
    """

    def __init__(self, tails: tuple[float, float], nulls: Sequence[float]) -> None:
        self._limits = tuple(-math.log(tail) for tail in tails)
        self._drops = np.unique(np.concatenate((_DROPS, np.asarray(nulls))).round(9))
        self._sides = (
            _Side(self._drops, self._drops[:, None] + np.array(HARM_DROPS)),
            _Side(self._drops, self._drops[:, None] - np.array(_BELOW)),
        )
        #: Blocks that are not in the evidence yet, with the baseline of each.
        self._waiting: list[tuple[float, ...]] = []

    def add(self, block: Block, baseline: float) -> None:
        """Take in a block. `baseline`, the control's rate, must come from earlier blocks."""
        self._waiting.append((*block, baseline))
        if len(self._waiting) >= _TOGETHER:
            self._multiply()

    def _multiply(self) -> None:
        if self._waiting:
            blocks = np.array(self._waiting, float)
            for side in self._sides:
                side.add(blocks)
            self._waiting.clear()

    def interval(self, design_effect: float = 1.0) -> Interval:
        """
        Return the bounds of the drop; -1 and 1 without data.

        The tasks count as their number divided by `design_effect`.
        """
        self._multiply()
        at_most, at_least = (side.log_mean(design_effect) for side in self._sides)
        low = self._crossing(at_most, self._limits[0], 1)
        high = self._crossing(at_least, self._limits[1], -1)
        return Interval(min(low, high), max(low, high))

    def _crossing(self, log_e: Array, limit: float, step: int) -> float:
        """Return the last refuted drop, from one end of the grid in direction `step`."""
        values, drops = log_e[::step], self._drops[::step]
        refuted = np.flatnonzero(values >= limit)
        if not len(refuted):
            return -1.0 * step
        last = int(refuted[-1])
        if last + 1 == len(drops):
            return float(drops[last])
        part = (values[last] - limit) / (values[last] - values[last + 1])
        return float(drops[last] + part * (drops[last + 1] - drops[last]))

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        self._multiply()
        return {'log_e': [side.log_e.tolist() for side in self._sides]}

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        for side, log_e in zip(self._sides, data['log_e']):
            side.log_e = np.array(log_e)


class _Side:
    """E-processes against every drop, each averaged over its alternatives."""

    def __init__(self, drops: Array, alternatives: Array) -> None:
        self._drops = np.broadcast_to(drops[:, None], alternatives.shape)
        self._alternatives = alternatives
        self.log_e = np.zeros(alternatives.shape)

    def add(self, blocks: Array) -> None:
        """Multiply by blocks: rows of tasks and successes of both versions, and the baseline."""
        columns = blocks.T[:, :, None, None]
        n_control, s_control, n_candidate, s_candidate, baseline = columns
        candidate = np.clip(baseline - self._alternatives, _FLOOR, 1 - _FLOOR)
        null = _projection(baseline, candidate, n_control, n_candidate, self._drops)
        gain = (
            s_control * np.log(baseline / null)
            + (n_control - s_control) * np.log((1 - baseline) / (1 - null))
            + s_candidate * np.log(candidate / (null - self._drops))
            + (n_candidate - s_candidate) * np.log((1 - candidate) / (1 - null + self._drops))
        )
        # At the ends of the scale, clipping may move an alternative into the null: it is left out.
        beyond = (baseline - candidate - self._drops) * (self._alternatives - self._drops) > 0
        self.log_e += np.where(beyond, gain, 0.0).sum(axis=0)

    def log_mean(self, design_effect: float) -> Array:
        log_e = self.log_e / design_effect
        top = log_e.max(axis=1)
        found: Array = top + np.log(np.exp(log_e - top[:, None]).mean(axis=1))
        return found


def _projection(
    control: Array, candidate: Array, n_control: Array, n_candidate: Array, drops: Array
) -> Array:
    """Return the first result of `null_projection` for many alternatives and drops at once."""
    moved = candidate + drops
    low = np.maximum(np.minimum(control, moved), np.maximum(drops, 0.0))
    high = np.minimum(np.maximum(control, moved), np.minimum(1.0, 1.0 + drops))
    x = (low + high) / 2
    for _ in range(_STEPS):
        y = x - drops
        own, other = x * (1 - x), y * (1 - y)
        slope = n_control * (control - x) / own + n_candidate * (candidate - y) / other
        curve = n_control * (x * x - 2 * control * x + control) / own**2
        curve += n_candidate * (y * y - 2 * candidate * y + candidate) / other**2
        low, high = np.where(slope > 0, x, low), np.where(slope > 0, high, x)
        # Newton's step, kept between the ends.
        x = x + slope / curve
        x = np.where((x >= low) & (x <= high), x, (low + high) / 2)
    ends = np.maximum(drops, 0.0) + _EDGE, np.minimum(drops, 0.0) + 1.0 - _EDGE
    middle: Array = np.clip(x, *ends)
    return middle
