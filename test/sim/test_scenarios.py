# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every scenario ends as its file says, in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotswap_ros.sim.scenario import find_scenario, play, scenarios

CONFIG = Path(__file__).parents[2] / 'config'


@pytest.mark.parametrize('name', scenarios(CONFIG / 'scenarios'))
def test_scenario(name: str) -> None:
    played = play(find_scenario(CONFIG / 'scenarios', name), CONFIG / 'outcomes')
    assert played.problems == ()
