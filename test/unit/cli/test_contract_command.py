# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap contract check`: before there is a robot."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

CONTRACT = Path(__file__).parents[3] / 'config' / 'contracts' / 'arm.yaml'


@pytest.fixture
def check(hotswap: Callable[..., Result], make_version: Any) -> Callable[..., Result]:
    def run(*more: object, contract: Path = CONTRACT) -> Result:
        where = ('--repository', make_version.root)
        return hotswap('contract', 'check', contract, *more, *where)

    return run


def test_a_version_that_fits(check: Any, make_version: Any) -> None:
    make_version('v1', safe_decision={'decision': 0.0})
    done = check('--version', 'v1')
    assert done.exit_code == 0, done.output
    assert 'joint_states' in done.output
    assert 'v1 fits' in done.output


def test_a_version_that_does_not_fit_says_why(check: Any, make_version: Any) -> None:
    make_version('v1', outputs=[{'name': 'decision', 'shape': [1, 2]}])
    make_version('v2', inputs=[{'name': 'lidar', 'shape': [1, 4]}])
    unsafe, unseen = check('--version', 'v1'), check('--version', 'v2')
    assert (unsafe.exit_code, unseen.exit_code) == (1, 1)
    assert 'safe_decision' in f'{unsafe.output}{unsafe.exception}'
    assert 'lidar' in f'{unseen.output}{unseen.exception}'


@pytest.mark.parametrize('text', ['', 'robot: arm', '[1', 'robot: {robot: arm}'])
def test_a_file_that_is_no_contract_is_refused(check: Any, tmp_path: Path, text: str) -> None:
    path = tmp_path / 'arm.yaml'
    path.write_text(text)
    refused = check(contract=path)
    assert refused.exit_code == 1
    assert 'arm.yaml' in f'{refused.output}{refused.exception}'
    assert check(contract=tmp_path / 'none.yaml').exit_code == 1
