# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Fleets in virtual time, and plans for them."""

from __future__ import annotations

import itertools
import re

import pytest

from hotswap_ros.rollout.verbs import VERBS
from hotswap_ros.testing import FakeFleet

MODEL = 'pick_policy'
SUCCESS = {'v23': 0.92, 'v24': 0.94, 'v25': 0.5, 'v22': 0.9}


@pytest.fixture
def make_fleet(tmp_path):
    numbers = itertools.count()

    def make(success=None, **options):
        journal = tmp_path / f'journal_{next(numbers)}.sqlite3'
        return FakeFleet(journal, SUCCESS | (success or {}), **options)

    return make


@pytest.fixture
def fleet(make_fleet):
    return make_fleet()


@pytest.fixture
def plan():
    def text(version='v24', stages=((20, 60), (50, 150), (100, 300)), **extra):
        lines = [
            f'modelId: {MODEL}',
            f'version: {version}',
            'strategy: Canary',
            'stages:',
            *(f'  - {{percentage: {p}, tasks: {tasks}}}' for p, tasks in stages),
        ]
        return '\n'.join([*lines, *(f'{key}: {value}' for key, value in extra.items())])

    return text


@pytest.fixture
def refusal():
    """Return a pattern for the refusal of a verb in a status, by the number of the condition."""

    def pattern(verb, status, condition=0):
        return re.escape(VERBS[verb].allowed[status][condition].refusal)

    return pattern
