# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How often a plan promotes a version, from the evidence of its gate."""

import pytest

from hotswap_ros.gates import StageTasks, WatchedStage, WatchedStages, odds_of
from hotswap_ros.plan import SuccessCriteria

SHORT = StageTasks(200, 200, 10)


def odds(difference, *stages, **criteria):
    gate = WatchedStages(SuccessCriteria(**criteria), stages)
    return odds_of([gate], 0.92, difference)


def test_the_shares_are_of_all_rollouts_and_the_same_each_time():
    found = odds(-0.03, WatchedStage(SHORT, 100.0, proof_tasks=400))
    assert found.promoted + found.rolled_back + found.undecided == pytest.approx(1)
    assert found == odds(-0.03, WatchedStage(SHORT, 100.0, proof_tasks=400))


def test_a_version_beyond_the_tolerance_is_proven_in_alpha_at_most():
    proving = WatchedStage(SHORT, 100.0, proof_tasks=4000)
    assert odds(-0.02, proving).promoted <= 0.07, 'alpha is 0.05; 400 rollouts'
    assert odds(-0.03, proving).promoted <= 0.02
    assert odds(-0.03, WatchedStage(SHORT, 100.0)).promoted > 0.5, 'where no harm is enough'


def test_a_better_version_is_proven_sooner_than_an_equal_one():
    proving = WatchedStage(SHORT, 100.0, proof_tasks=8000)
    better, equal = odds(0.03, proving), odds(0.0, proving)
    assert better.promoted > 0.95
    assert 200 <= better.tasks < equal.tasks
    assert equal.seconds == pytest.approx(100 * equal.tasks / 200, rel=0.01)


def test_an_equal_version_is_rolled_back_in_alpha_at_most():
    assert odds(0.0, WatchedStage(StageTasks(2000, 2000, 10))).rolled_back <= 0.06


def test_a_stage_that_times_out_promotes_nothing():
    found = odds(0.05, WatchedStage(SHORT, 86_400.0, is_overdue=True))
    assert (found.promoted, found.tasks) == (0.0, None)


def test_too_few_tasks_decide_nothing():
    assert odds(0.0, WatchedStage(StageTasks(10, 10, 1))).undecided == 1.0


def test_gates_of_several_phases_have_evidence_of_their_own():
    gate = WatchedStages(SuccessCriteria(), (WatchedStage(SHORT),))
    once = odds_of([gate], 0.92, -0.1)
    twice = odds_of([gate, gate], 0.92, -0.1)
    assert once.promoted > twice.promoted


@pytest.mark.parametrize('method', ['fixed', 'threshold'])
def test_methods_that_look_once_find_a_much_worse_version(method):
    stage = WatchedStage(StageTasks(400, 400, 10))
    assert odds(-0.2, stage, method=method).rolled_back > 0.95
    assert odds(0.0, stage, method=method).rolled_back < (0.1 if method == 'fixed' else 0.4)


def test_robots_that_are_compared_count_less_than_their_tasks():
    stage = WatchedStage(StageTasks(400, 400, 5))
    within = odds(-0.1, stage).rolled_back
    assert odds(-0.1, stage, control='across_robots').rolled_back < within
