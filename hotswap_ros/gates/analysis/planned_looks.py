# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Bounds of a running trial for a few planned looks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid
from scipy.optimize import brentq
from scipy.stats import norm

_POINTS = 2001
_REACH = 8.0


def obrien_fleming_bounds(fractions: Sequence[float], alpha: float = 0.025) -> tuple[float, ...]:
    """
    Return the z value that shows benefit at each look, one-sided, with `alpha` over all looks.

    `fractions` are the rising parts of the planned sample at the looks; the last one is 1. The
    part of alpha that is spent up to the fraction t is 2 − 2Φ(z_{α/2}/√t). Raises ValueError for
    fractions that do not rise within (0, 1].

    Source: Lan, DeMets 1983, Biometrika 70, with their spending function of O'Brien and Fleming;
    the recursion is that of Armitage, McPherson, Rowe 1969, JRSS A 132.
    """
    times = np.asarray(fractions, dtype=float)
    if not len(times) or np.any(np.diff(times, prepend=0.0) <= 0) or times[-1] > 1:
        raise ValueError(f'the looks must rise within (0, 1]: {fractions}')
    spent = 2 * norm.sf(norm.isf(alpha / 2) / np.sqrt(times))
    bounds: list[float] = [float(norm.isf(spent[0]))]
    grid, density = _first(bounds[0], times[0])
    for index in range(1, len(times)):
        step = np.sqrt(times[index] - times[index - 1])
        allowed = spent[index] - spent[index - 1]

        def excess(
            level: float,
            grid: NDArray[np.float64] = grid,
            density: NDArray[np.float64] = density,
            step: float = step,
            allowed: float = allowed,
        ) -> float:
            return float(trapezoid(density * norm.sf((level - grid) / step), grid)) - allowed

        level = float(brentq(excess, grid[0], _REACH, xtol=1e-12))
        bounds.append(level / float(np.sqrt(times[index])))
        grid, density = _next(level, grid, density, step, times[index])
    return tuple(bounds)


def _first(bound: float, time: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    spread = np.sqrt(time)
    grid = np.linspace(-_REACH * spread, bound * spread, _POINTS)
    return grid, norm.pdf(grid, scale=spread)


def _next(
    level: float, grid: NDArray[np.float64], density: NDArray[np.float64], step: float, time: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the density at the next look of the trials that continue."""
    new = np.linspace(-_REACH * np.sqrt(time), level, _POINTS)
    reached = norm.pdf((new[:, None] - grid[None, :]) / step) / step
    return new, trapezoid(reached * density[None, :], grid, axis=1)
