# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
STEP on pairs of tasks, in an environment of its own: its licence allows no commercial use.

Source: Snyder et al. 2025, arXiv 2503.10966. The test is one-sided, with the policy for 500 pairs
at a level of 5% that the package brings.

    build/bench/step/bin/python bench/peers/step_times.py PAIRS.npz

`PAIRS.npz` has `control` and `candidate` of shape (rollouts, 500), 1 for a success, and the number
of pairs of each rollout. Prints the pair after which each rollout is rolled back as JSON;
0: never.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from sequentialized_barnard_tests.base import Decision, Hypothesis
from sequentialized_barnard_tests.step import StepTest


def main() -> None:
    """Print the times of the rollbacks."""
    found = np.load(sys.argv[1])
    test = StepTest(Hypothesis.P0MoreThanP1, found['control'].shape[1], 0.05, random_seed=1)
    rng, times = test.rng, []
    for control, candidate, pairs in zip(found['control'], found['candidate'], found['pairs']):
        test.reset()
        test.rng = rng  # Resetting starts its random numbers anew: every rollout had the same.
        times.append(_time(test, control[:pairs].tolist(), candidate[:pairs].tolist()))
    print(json.dumps(times))


def _time(test: StepTest, control: list[int], candidate: list[int]) -> int:
    for number, (one, other) in enumerate(zip(control, candidate), start=1):
        if test.step(one, other).decision == Decision.AcceptAlternative:
            return number
    return 0


if __name__ == '__main__':
    main()
