# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The pages on plans agree with the code."""

import re
from pathlib import Path

import pytest

from hotswap_ros.plan import BasePlan, Robot, Strategy, SuccessCriteria, compile_plan, load_plan

DOCS = Path(__file__).resolve().parents[3] / 'docs'
REFERENCE = (DOCS / 'reference' / 'plan.md').read_text()
PAGES = [REFERENCE, (DOCS / 'how-to' / 'write_a_plan.md').read_text()]
FENCED = (DOCS / 'tutorials' / 'first_rollout.md').read_text()
BLOCKS = [block for page in PAGES for block in re.findall(r'(?:^    .*\n)+', page, re.MULTILINE)]
EXAMPLES = [re.sub('^    ', '', block, flags=re.MULTILINE) for block in BLOCKS]
EXAMPLES += re.findall(r'^```yaml\n(.*?)^```', FENCED, re.MULTILINE | re.DOTALL)
EXAMPLES = [example for example in EXAMPLES if example.startswith('modelId:')]
FLEET = [Robot(f'r{i:02}', ('north', 'south')[i % 2], 'v23') for i in range(20)]


def test_there_are_examples():
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize('example', EXAMPLES)
def test_every_example_fits_a_fleet(example):
    assert compile_plan(load_plan(example), FLEET, 'salt')


def test_every_strategy_has_a_section():
    sections = set(re.findall(r'^### (\w+)$', REFERENCE, re.MULTILINE))
    assert {strategy.value for strategy in Strategy} <= sections


def test_every_key_is_there():
    keys = set(re.findall(r'^\| `(\w+)` \|', REFERENCE, re.MULTILINE))
    for model in (BasePlan, SuccessCriteria):
        assert {field.alias for field in model.model_fields.values()} <= keys
