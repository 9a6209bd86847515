# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap simulate` from plan to table, plot and figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hotswap_ros.cli.verbs.simulate import parse_sweep

PLAN = (
    'modelId: m\nversion: v7\nstrategy: Canary\n'
    'stages: [{percentage: 50, tasks: 60}, {percentage: 100, tasks: 60}]\n'
)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / 'plan.yaml'
    path.write_text(PLAN)
    return path


def test_a_plan_is_tried_out(hotswap, plan: Path, tmp_path: Path) -> None:
    figures, picture = tmp_path / 'out.json', tmp_path / 'out.png'
    options = ('--robots', 10, '--repetitions', 5, '--jobs', 1, '--json', figures)
    result = hotswap('simulate', plan, '--v23', 0.95, '--v24', 0.3, *options, '--plot', picture)
    assert result.exit_code == 0
    assert 'Rolled back in 100.0% of rollouts' in result.output
    assert 'With v7 at 30.0%' in result.output
    (found,) = json.loads(figures.read_text())
    assert found['rolled_back']['rate'] == 1
    assert found['tasks_lost'] > 0
    assert picture.read_bytes().startswith(b'\x89PNG')


def test_a_sweep_has_a_row_per_rate(hotswap, plan: Path, tmp_path: Path) -> None:
    figures = tmp_path / 'out.json'
    options = ('--robots', 4, '--repetitions', 2, '--jobs', 1, '--json', figures)
    result = hotswap(
        'simulate', plan, '--sweep', '0,0.2,1', *options, '--plot', tmp_path / 'a.svg'
    )
    assert result.exit_code == 0
    assert [one['world']['candidate'] for one in json.loads(figures.read_text())] == [0, 0.2, 1]


def test_sweeps() -> None:
    assert parse_sweep('0.80:0.96:0.04') == [0.8, 0.84, 0.88, 0.92, 0.96]
    assert parse_sweep('0.9') == [0.9]


@pytest.mark.parametrize(
    'text', ['0.8:0.9', '0.9:0.8:0.1', '0.8:0.9:0', '0:1:1e-9', '0:1:1e-320', 'high', '0.9,1.2']
)
def test_what_is_no_sweep(text: str) -> None:
    with pytest.raises(ValueError, match='from 0 to 1: write'):
        parse_sweep(text)


@pytest.mark.parametrize(
    ('text', 'options', 'words'),
    [
        ('modelId: m', (), 'version: is missing: add it'),
        (PLAN, ('--sweep', 'x'), "--sweep 'x'"),
        (PLAN, ('--plot', 'x.doc'), "'x.doc' must end in .png, .svg, .pdf"),
    ],
)
def test_errors_are_sentences(
    hotswap, plan: Path, text: str, options: tuple[str, ...], words: str
) -> None:
    plan.write_text(text)
    result = hotswap('simulate', plan, *options)
    assert result.exit_code == 1
    assert words in result.output
    assert 'Traceback' not in result.output
