# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The wheel of the part that needs no ROS, in a virtual environment that has nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import hotswap_ros

ROOT = Path(__file__).resolve().parents[2]
#: What the wheel is built from.
SOURCES = (
    'LICENSE', 'MANIFEST.in', 'README.md', 'config', 'hotswap_ros', 'models', 'pyproject.toml',
    'requirements', 'setup.cfg', 'setup.py',
)  # fmt: skip
CANARY = str(ROOT / 'config' / 'plans' / 'canary_v24.yaml')

# Libraries are downloaded.
pytestmark = pytest.mark.timeout(900)

Run = Callable[..., 'subprocess.CompletedProcess[str]']


def run(*command: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program outside of the sources and of the environment of the tests."""
    unwanted = ('PYTHON', 'AMENT', 'COLCON', 'ROS_', '_ROS', 'LD_LIBRARY', 'VIRTUAL')
    env = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**env, 'COLUMNS': '100'},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=800,
    )


@pytest.fixture(scope='session')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, as the build writes beside the sources."""
    folder = tmp_path_factory.mktemp('wheel')
    copy = folder / 'source'
    copy.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            no_caches = shutil.ignore_patterns('__pycache__')
            shutil.copytree(ROOT / name, copy / name, ignore=no_caches)
        else:
            shutil.copy2(ROOT / name, copy / name)
    pip = (sys.executable, '-m', 'pip', '--disable-pip-version-check')
    built = run(*pip, 'wheel', '--quiet', '--no-deps', '--wheel-dir', folder, copy, folder=folder)
    assert built.returncode == 0, built.stdout
    (found,) = folder.glob('hotswap_ros-*.whl')
    return found


@pytest.fixture(scope='session')
def hotswap(wheel: Path) -> Run:
    """Install the wheel in a new virtual environment; return its command `hotswap`."""
    venv = wheel.parent / 'venv'
    made = run(sys.executable, '-m', 'venv', venv, folder=wheel.parent)
    assert made.returncode == 0, made.stdout
    pip = (venv / 'bin' / 'python', '-m', 'pip', '--disable-pip-version-check')
    installed = run(*pip, 'install', '--quiet', '--no-compile', wheel, folder=wheel.parent)
    assert installed.returncode == 0, installed.stdout
    empty = wheel.parent / 'empty'
    empty.mkdir()
    return lambda *arguments: run(venv / 'bin' / 'hotswap', *arguments, folder=empty)


def test_the_wheel_holds_the_files_that_are_no_python(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    stem = f'hotswap_ros-{hotswap_ros.__version__}'
    data = {
        f'{stem}.data/data/share/hotswap_ros/{path.relative_to(ROOT)}'
        for folder in ('config', 'models')
        for path in (ROOT / folder).rglob('*')
        if path.is_file()
    }
    in_package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / 'hotswap_ros').rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }
    assert data | in_package <= names
    # Nothing else of the repository.
    tops = {name.split('/')[0] for name in names}
    assert tops == {'hotswap_ros', f'{stem}.data', f'{stem}.dist-info'}


def test_simulate(hotswap: Run) -> None:
    done = hotswap('simulate', CANARY, '--v23', '0.92', '--v24', '0.5', '--repetitions', '2')
    assert done.returncode == 0, done.stdout
    assert 'Rolled back in 100.0% of rollouts' in done.stdout


def test_analyze_and_diagnose_with_their_pages(hotswap: Run, tmp_path: Path) -> None:
    trial = tmp_path / 'counts.csv'
    trial.write_text('version,tasks,successes\nv23,10000,9210\nv24,10000,9200\n')
    page, figures = tmp_path / 'report.html', tmp_path / 'report.json'
    done = hotswap('analyze', trial, '--html', page, '--json', figures)
    assert done.returncode == 0, done.stdout
    assert json.loads(figures.read_text())['candidate']['tasks'] == 10000
    assert '<html' in page.read_text()
    done = hotswap('diagnose', trial, '--html', page)
    assert done.returncode == 0, done.stdout


def test_scenarios_and_models_of_the_package_are_found(hotswap: Run, tmp_path: Path) -> None:
    done = hotswap('scenario', 'run', 'quick_canary')
    assert done.returncode == 0, done.stdout
    film = tmp_path / 'film.gif'
    done = hotswap('sim', 'render', film, '--version', 'v23', '--tasks', '1')
    assert done.returncode == 0, done.stdout
    assert film.read_bytes().startswith(b'GIF89a')


@pytest.mark.parametrize(
    'verb',
    [
        ['demo'], ['history'], ['report'], ['rollback', 'policy', '--to', 'v1'],
        ['rollout', CANARY], ['rollout', 'watch'], ['scenario', 'run', 'quick_canary', '--live'],
    ],
)  # fmt: skip
def test_a_verb_that_needs_ros_says_so_in_one_sentence(hotswap: Run, verb: list[str]) -> None:
    done = hotswap(*verb)
    assert done.returncode != 0
    assert done.stdout.startswith('hotswap: this needs ROS 2')
    assert done.stdout.count('\n') == 1
