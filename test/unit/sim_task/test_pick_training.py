# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Training: gradients, export, figures, and the same result for the same seed."""

import numpy as np
import pytest

pytest.importorskip('mujoco')
pytest.importorskip('onnx')

from hotswap_ros.gates import intraclass
from hotswap_ros.models import ModelRepository
from hotswap_ros.sim.policies.export import to_onnx, write_version
from hotswap_ros.sim.policies.measure import measure, session_policy
from hotswap_ros.sim.policies.mlp import Network
from hotswap_ros.sim.policies.recipes import MODEL_ID, Recipe, Training
from hotswap_ros.sim.policies.train import main, make, train

TRAINING = Training(rounds=2)
RECIPE = Recipe('v1', 0.0, 'Tiny.', 'A test.', TRAINING)


def network(seed=1):
    scale = np.array([2.5, 2.5, 2.5], np.float32)
    return Network((15, 8, 3), scale, np.random.default_rng(seed))


def examples(rows, seed=2):
    random = np.random.default_rng(seed)
    observations = random.normal(1.0, 2.0, (rows, 15)).astype(np.float32)
    mixing = np.array([[0.3, 0.0, -0.2], [0.1, 0.3, 0.0], [0.0, -0.1, 0.2]], np.float32)
    return observations, np.tanh(observations[:, :3] @ mixing) * np.float32(2.0)


def test_gradients_are_differences():
    net = network()
    net.parameters = [parameter.astype(np.float64) for parameter in net.parameters]
    inputs, targets = (array.astype(np.float64) for array in examples(16))
    gradients, _ = net._gradients(inputs, targets)
    for parameter, gradient in zip(net.parameters, gradients):
        where = (0,) * parameter.ndim
        before = parameter[where]
        losses = []
        for step in (1e-5, -1e-5):
            parameter[where] = before + step
            losses.append(net._gradients(inputs, targets)[1])
        parameter[where] = before
        assert gradient[where] == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-3)


def test_fitting_learns_what_can_be_learned():
    observations, decisions = examples(2000)
    net = network()
    loss = net.fit(observations, decisions, 60, 1e-2, np.random.default_rng(3))
    assert loss < 0.01
    fresh, wanted = examples(500)
    assert np.mean((net(fresh) - wanted) ** 2) < 0.1 * np.mean(wanted**2)


def test_the_file_computes_what_the_network_does():
    observations, decisions = examples(512)
    net = network()
    net.fit(observations, decisions, 2, 1e-3, np.random.default_rng(3))
    policy = session_policy(to_onnx(net))
    for row in observations[:20]:
        assert policy(row[None]) == pytest.approx(net(row[None]), abs=1e-5)
    assert to_onnx(net) == to_onnx(net)


def test_the_same_seed_makes_the_same_network(capsys):
    first, second = (to_onnx(train(TRAINING, 'v1', robots=1, epochs=1)[0]) for _ in range(2))
    assert first == second
    assert 'v1: round 2 of 2' in capsys.readouterr().out


def test_what_is_written_can_be_verified(tmp_path):
    folder = write_version(tmp_path, 'v1', to_onnx(network()), 'Untrained.', {'seed': 1})
    assert folder == tmp_path / MODEL_ID / 'v1'
    verified = ModelRepository(tmp_path).verify(MODEL_ID, 'v1')
    assert verified.content == to_onnx(network())
    assert verified.manifest.training == {'seed': 1}


def test_making_a_version_measures_it(tmp_path, monkeypatch):
    seen = np.random.default_rng(1).normal(size=(1000, 15)).astype(np.float32)
    seen[:, 4] = 1.0
    monkeypatch.setattr(
        'hotswap_ros.sim.policies.train.train', lambda training, name: (network(), seen)
    )
    report = make(RECIPE, tmp_path, tasks=400)
    manifest = ModelRepository(tmp_path).manifest(MODEL_ID, 'v1')
    training = manifest.training
    assert training['measured']['tasks'] == 400
    assert training['reason'] == 'A test.'
    features = manifest.input_statistics
    assert features['observation[3]'].mean == pytest.approx(seen[:, 3].mean(), abs=1e-6)
    assert 'observation[4]' not in features  # it never changes
    assert 'v1: ' in report
    assert 'failures: ' in report


def test_the_command_line_refuses_what_it_does_not_know(capsys):
    with pytest.raises(SystemExit):
        main(['--version', 'v99'])
    assert 'v99' in capsys.readouterr().err


def test_tasks_are_dealt_out_evenly():
    policy = network()
    result = measure(policy, 7, robots=3)
    assert [robot.tasks for robot in result.robots] == [3, 2, 2]
    assert result.total.tasks == 7
    assert result.interval.low <= result.success <= result.interval.high


def test_intraclass_correlation():
    assert intraclass([(10, 10), (0, 10)]) == 1.0
    assert intraclass([(5, 10)] * 4) < 0.0
    assert intraclass([(10, 10)] * 4) == 0.0
    # Fleiss, Levin, Paik 2003 write the estimate for equal sizes as (B - W) / (B + (n - 1) W).
    between, within = 10 * (0.2**2 + 0.2**2), (10 * 0.7 * 0.3 + 10 * 0.3 * 0.7) / 18
    expected = (between - within) / (between + 9 * within)
    assert intraclass([(7, 10), (3, 10)]) == pytest.approx(expected)


def test_intraclass_correlation_of_drawn_robots():
    random = np.random.default_rng(1)
    rates = random.beta(0.9 * 24, 0.1 * 24, 2000)
    robots = [(int(n), 100) for n in random.binomial(100, rates)]
    assert intraclass(robots) == pytest.approx(1 / 25, abs=0.005)
