# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The policies of the model repository are what their manifests and recipes say."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mujoco')
pytest.importorskip('onnxruntime')


from hotswap_ros.models import ModelRepository
from hotswap_ros.sim.arm.task import PickWorld
from hotswap_ros.sim.policies import recipes
from hotswap_ros.sim.policies.episodes import rollout
from hotswap_ros.sim.policies.measure import session_policy

ROOT = Path(__file__).resolve().parents[3] / 'models'
RECIPES = {recipe.version: recipe for recipe in recipes.RECIPES}


@pytest.fixture(scope='module', params=[name for name, r in RECIPES.items() if r.training])
def verified(request):
    return ModelRepository(ROOT).verify('pick_policy', request.param)


def test_the_repository_has_these_versions():
    assert ModelRepository(ROOT).versions('pick_policy') == sorted(RECIPES)


def test_observation_and_decision_fit_the_manifest(verified):
    (observed,) = verified.manifest.inputs
    (decided,) = verified.manifest.outputs
    policy = session_policy(verified.content)

    def checked(observation):
        assert (observation.shape, observation.dtype) == (observed.shape, observed.dtype.value)
        assert (observed.low <= observation[0]).all()
        assert (observation[0] <= observed.high).all()
        decision = policy(observation)
        assert (decision.shape, decision.dtype) == (decided.shape, decided.dtype.value)
        assert np.abs(decision).max() <= decided.high == -decided.low
        return decision

    assert (observed.name, decided.name) == ('observation', 'decision')
    rollout(PickWorld('robot', 1), checked, 20)


def test_a_small_file_for_old_runtimes(verified):
    onnx = pytest.importorskip('onnx')
    assert verified.manifest.size_bytes == len(verified.content) < 100_000
    model = onnx.load_from_string(verified.content)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version <= 9
    assert [opset.version for opset in model.opset_import] == [17]


def test_it_was_made_as_its_recipe_says_and_is_as_good_as_stated(verified):
    recipe = RECIPES[verified.manifest.version]
    training = verified.manifest.training
    assert verified.manifest.description == recipe.description
    assert training['reason'] == recipe.reason
    assert (training['seed'], training['rounds']) == (recipe.training.seed, recipe.training.rounds)
    assert training['stated_success'] == recipe.success
    in_service = training.get('in_service', training['measured'])
    assert in_service['tasks'] == training['measured']['tasks'] == 20_000
    assert in_service['success'] == pytest.approx(recipe.success, abs=0.005)


@pytest.mark.parametrize('version', ['v23', 'v24'])
def test_robots_differ_as_robots_do(version):
    measured = ModelRepository(ROOT).manifest('pick_policy', version).training['measured']
    assert 0.01 < measured['intraclass_correlation'] < 0.05


@pytest.mark.parametrize('version', ['v23', 'v24'])
def test_neighbouring_decisions_are_well_within_the_rate_limit(version):
    found = ModelRepository(ROOT).verify('pick_policy', version)
    (limit,) = (spec.rate_limit for spec in found.manifest.outputs)
    policy = session_policy(found.content)
    decisions = [np.zeros((1, 3), np.float32)]

    def noted(observation):
        decisions.append(policy(observation))
        return decisions[-1]

    world, largest = PickWorld('robot', 1), 0.0
    for _ in range(50):
        rollout(world, noted, 1)
        steps = np.abs(np.diff(np.concatenate(decisions[1:]), axis=0))
        largest, decisions = max(largest, steps.max()), decisions[:1]
    assert 0.5 * limit < largest < 0.9 * limit
