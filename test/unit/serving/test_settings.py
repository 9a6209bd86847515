# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Settings of an engine."""

import dataclasses
from typing import Any

import pytest

from hotswap_ros.serving import Engine, EngineSettings, Isolation, RuntimeSettings


@pytest.mark.parametrize('spelling', ['worker', 'incubator', Isolation.WORKER])
def test_the_former_name_of_a_worker_is_accepted(spelling: Any) -> None:
    assert EngineSettings(isolation=spelling).isolation is Isolation.WORKER


def test_an_unknown_isolation_is_refused() -> None:
    with pytest.raises(ValueError, match="'jail' is not a valid Isolation"):
        EngineSettings(isolation='jail')


def test_settings_cannot_change(make_version: Any) -> None:
    engine = Engine(make_version.repository, 'policy')
    assert engine.settings == EngineSettings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        engine.settings.resident_limit = 3  # type: ignore[misc]


def test_a_robot_has_no_settings_of_a_simulation() -> None:
    names = {
        field.name
        for kind in (EngineSettings, RuntimeSettings)
        for field in dataclasses.fields(kind)
    }
    assert 'slowdown' not in names
