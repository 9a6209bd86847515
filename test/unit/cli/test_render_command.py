# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap sim render`: a film, or what is in the way of it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip('mujoco')
pytest.importorskip('onnxruntime')
pytest.importorskip('PIL')

from hotswap_ros.cli.app import app

MODELS = Path(__file__).resolve().parents[3] / 'models'


def render(*arguments):
    return CliRunner().invoke(
        app, ['sim', 'render', *map(str, arguments), '--models', str(MODELS), '--size', '120']
    )


def test_a_film_is_written_and_told_of(tmp_path):
    path = tmp_path / 'film.gif'
    result = render(path, '--tasks', 1, '--first', 3, '--renderer', 'drawn')
    assert result.exit_code == 0, result.output
    assert path.stat().st_size > 1000
    assert 'Tasks 3 to 3 of robot_01: v23 ' in result.output


@pytest.mark.parametrize(
    ('arguments', 'remedy'),
    [
        (('film.avi', '--renderer', 'drawn'), 'must end in .gif or .webp'),
        (('film.gif', '--renderer', 'drawn', '--version', 'v99'), 'v99'),
        (('film.gif', '--renderer', 'vulkan'), 'use --renderer drawn'),
    ],
)
def test_what_is_in_the_way_is_said(arguments, remedy):
    result = render(*arguments, '--tasks', 1, '--first', 1)
    assert result.exit_code == 1
    assert remedy in ' '.join(result.output.split())
