# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Real nodes over real DDS: every module of tests gets a ROS domain of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before rclpy is imported: nothing outside this machine is heard, nothing in the user's own ROS
# folder is written.
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['ROS_HOME'] = tempfile.mkdtemp(prefix='hotswap_ros_test_')
# A process that is killed may leave locks in shared memory, and its successor unheard.
os.environ['FASTDDS_BUILTIN_TRANSPORTS'] = 'UDPv4'
os.environ['FASTDDS_DEFAULT_PROFILES_FILE'] = str(Path(__file__).with_name('fastdds.xml'))

import pytest
from _world import Site, World

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='session', autouse=True)
def _leave_no_ros_home() -> Iterator[None]:
    yield
    shutil.rmtree(os.environ['ROS_HOME'], ignore_errors=True)


@pytest.fixture(scope='module')
def world() -> Iterator[World]:
    """Return a ROS domain with an executor thread, and a node that listens and asks."""
    world = World()
    yield world
    world.close()


@pytest.fixture(scope='session')
def policies(version_maker: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Return a model repository with the package's policies and worse ones.

    `frozen` never moves the arm, so that every task ends stuck; `not_finite` decides NaN on most
    observations; `damaged` is v24 with one byte
    changed; `odd` takes other observations than the rest; `same` decides as v23 does.
    """
    root = tmp_path_factory.mktemp('policies')
    shutil.copytree(ROOT / 'models', root, dirs_exist_ok=True)
    make = version_maker(root)
    make('frozen', model_id='pick_policy', size=15, width=3)
    make('not_finite', model_id='pick_policy', size=15, width=3, fault='not_finite')
    make('odd', model_id='pick_policy', size=14, width=3)
    folder = root / 'pick_policy'
    shutil.copytree(folder / 'v24', folder / 'damaged')
    shutil.copytree(folder / 'v23', folder / 'same')
    for name, copied in (('damaged', 'v24'), ('same', 'v23')):
        manifest = folder / name / 'manifest.json'
        manifest.write_text(manifest.read_text().replace(f'"{copied}"', f'"{name}"'))
    model = bytearray((folder / 'damaged' / 'model.onnx').read_bytes())
    model[len(model) // 2] ^= 1
    (folder / 'damaged' / 'model.onnx').write_bytes(model)
    return root


@pytest.fixture(scope='module')
def make_site(
    policies: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Site]]:
    """Return a maker of sites: a domain each, in which a fleet and a coordinator can be run."""
    sites: list[Site] = []

    def make() -> Site:
        sites.append(Site(tmp_path_factory.mktemp('site'), policies))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show with a failure what the programs of its site said."""
    outcome = yield
    report = outcome.get_result()
    site = getattr(item, 'funcargs', {}).get('site')
    if report.failed and isinstance(site, Site):
        for program in site.programs:
            report.sections.append((f'{program.name} said', program.log[-4000:]))
