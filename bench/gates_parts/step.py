# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""STEP, the sequential test of robotics, asked in its own environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / 'build/bench/step/bin/python'
#: Its policy is made for so many pairs of tasks.
PAIRS = 500


def is_there() -> bool:
    """Return whether its environment was made."""
    return PYTHON.exists()


def times(own: np.ndarray, failed: np.ndarray) -> np.ndarray:
    """
    Return for each rollout the pair after which STEP rolls it back; 0: never.

    A pair is one task of each version, in their order.
    """
    won = np.zeros((2, len(own), PAIRS), int)
    pairs = []
    for row, (is_own, has_failed) in enumerate(zip(own, failed)):
        of_version = [~has_failed[~is_own], ~has_failed[is_own]]
        pairs.append(min(PAIRS, *map(len, of_version)))
        for version, ends in enumerate(of_version):
            won[version, row, : pairs[-1]] = ends[: pairs[-1]]
    with TemporaryDirectory() as folder:
        path = Path(folder) / 'pairs.npz'
        np.savez(path, control=won[0], candidate=won[1], pairs=pairs)
        command = [PYTHON, ROOT / 'bench/peers/step_times.py', path]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return np.array(json.loads(done.stdout.splitlines()[-1]))
