# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The policies of the model repository are what their manifests and recipes say."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mujoco')
pytest.importorskip('onnxruntime')

from hotswap_ros.models import ModelRepository
from hotswap_ros.sim import PickWorld, rollout
from hotswap_ros.sim._measure import session_policy

ROOT = Path(__file__).resolve().parents[3] / 'models'
VERSIONS = ['v23', 'v24', 'v25_regressed']


@pytest.fixture(scope='module', params=VERSIONS)
def verified(request):
    return ModelRepository(ROOT).verify('pick_policy', request.param)


def test_the_repository_has_these_versions():
    assert ModelRepository(ROOT).versions('pick_policy') == VERSIONS


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
    assert rollout(PickWorld('robot', 1), checked, 20).succeeded > 10


def test_a_small_file_for_old_runtimes(verified):
    onnx = pytest.importorskip('onnx')
    assert verified.manifest.size_bytes == len(verified.content) < 100_000
    model = onnx.load_from_string(verified.content)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version <= 9
    assert [opset.version for opset in model.opset_import] == [17]


def test_it_was_made_as_its_recipe_says_and_is_as_good_as_stated(verified):
    pytest.importorskip('onnx')
    from hotswap_ros.sim.train import RECIPES

    (recipe,) = (recipe for recipe in RECIPES if recipe.version == verified.manifest.version)
    training = verified.manifest.training
    assert verified.manifest.description == recipe.description
    for field in ('seed', 'rounds', 'reason'):
        assert training[field] == getattr(recipe, field)
    assert tuple(training['camera_drift_m']) == recipe.camera_drift_m
    assert training['stated_success'] == recipe.success
    measured = training['measured']
    assert measured['tasks'] == 20_000
    assert measured['success'] == pytest.approx(recipe.success, abs=0.005)
    assert 0.01 < measured['intraclass_correlation'] < 0.05
