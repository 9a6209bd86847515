# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A few scenarios over DDS: physics and policies have the same end as the virtual fleet."""

import os

import pytest
from rich.console import Console

from hotswap_ros.cli.live.start import run_live


@pytest.mark.parametrize('name', ['quick_canary', 'quick_regressed', 'quick_outage'])
def test_scenario_ends_as_in_virtual_time(name, monkeypatch, tmp_path):
    console = Console(width=200, record=True)
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    # It takes others: these are put back afterwards.
    for name_of in ('ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE'):
        monkeypatch.setenv(name_of, os.environ.get(name_of, ''))
    assert run_live(console, name, None, speed=8.0, seed=None) == 0, console.export_text()
