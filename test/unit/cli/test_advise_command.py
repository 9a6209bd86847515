# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap advise`: a strategy, its reason and a plan."""

from typer.testing import CliRunner

from hotswap_ros.cli.app import app
from hotswap_ros.plan import Strategy, load_plan


def advised(*options):
    result = CliRunner().invoke(app, ['advise', *options])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_answer_is_a_strategy_a_reason_and_a_plan():
    first, *plan = advised('--robots', '50', '--version', '1.10').splitlines()
    assert first.startswith('Canary. 50 robots are a fleet of medium size')
    assert load_plan('\n'.join(plan)).version == '1.10'


def test_the_plan_can_be_written_to_a_file(tmp_path):
    path = tmp_path / 'plan.yaml'
    said = advised('--robots', '500', '--risk', 'high', '--output', str(path))
    assert 'hotswap rollout start' in said
    assert load_plan(path.read_text()).strategy is Strategy.PHASES


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    result = CliRunner().invoke(app, ['advise', '--robots', '5', '--output', str(tmp_path)])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert str(tmp_path) in str(result.exception) + result.output


def test_versions_to_compare_and_regions_are_taken_over():
    plan = load_plan(advised('--robots', '50', '--compare', '--previous', 'v7').split('\n', 1)[1])
    assert plan.model_a.version == 'v7'
    regions = advised('--robots', '50', '--region', 'north', '--region', 'south')
    assert load_plan(regions.split('\n', 1)[1]).regions == ('north', 'south')
