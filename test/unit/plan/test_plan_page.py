# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the page on plans says is what plans are."""

import re
from pathlib import Path

import pytest

from hotswap_ros.plan import (
    ABTesting,
    BasePlan,
    BlueGreen,
    Canary,
    Direct,
    FeatureFlag,
    ProgressiveRollout,
    RegionalRollout,
    Robot,
    Shadow,
    Stage,
    SuccessCriteria,
    compile_plan,
    load_plan,
)

PAGE = (Path(__file__).resolve().parents[3] / 'docs' / 'reference' / 'plan.md').read_text()
BLOCKS = re.findall(r'(?:^    .*\n)+', PAGE, re.MULTILINE)
EXAMPLES = [block for block in BLOCKS if block.startswith('    modelId:')]
FLEET = [Robot(f'r{i:02}', ('north', 'south')[i % 2], 'v23') for i in range(20)]


def keys_of(section):
    """Return the keys in the first table after a text."""
    table = PAGE.split(section)[1].split('| --- |', 1)[1].split('\n\n')[0]
    first = [row.split('|')[1] for row in table.splitlines()[1:]]
    return {key for cell in first for key in re.findall(r'`(\w+)`', cell)}


def names_of(model):
    return {field.alias or name for name, field in model.model_fields.items()}


def test_there_are_examples():
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize('example', EXAMPLES)
def test_every_example_fits_a_fleet(example):
    text = '\n'.join(line[4:] for line in example.splitlines())
    assert compile_plan(load_plan(text), FLEET, 'salt')


def test_the_tables_have_every_key():
    assert keys_of('## Keys of every plan') == names_of(BasePlan)
    assert keys_of('\nA stage:\n') == names_of(Stage)
    assert keys_of('## Success criteria') == names_of(SuccessCriteria)


@pytest.mark.parametrize(
    'kind',
    [
        Direct,
        RegionalRollout,
        Canary,
        ProgressiveRollout,
        ABTesting,
        BlueGreen,
        Shadow,
        FeatureFlag,
    ],
)
def test_so_has_the_row_of_every_strategy(kind):
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f'| `{kind.__name__}` |'))
    assert names_of(kind) - names_of(BasePlan) <= set(re.findall(r'\w+', row.split('|')[3]))
