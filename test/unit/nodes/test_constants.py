# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Constants of messages and members of enums: equal names both ways, as `codes_of` needs them."""

import re
from pathlib import Path
from typing import get_args

import pytest

from hotswap_ros.coordinator import StepState
from hotswap_ros.fleet import Level
from hotswap_ros.gates import Verdict
from hotswap_ros.models import FailureCause, VersionState
from hotswap_ros.plan import ItemState, Step
from hotswap_ros.rollout import PauseReason, Status

ROOT = Path(__file__).resolve().parents[3]
UNKNOWN = {'UNKNOWN'}


class StepKind:
    """The kinds of step, in the form of an enum."""

    kinds = [step.model_fields['kind'].default.upper() for step in get_args(get_args(Step)[0])]
    __members__ = dict.fromkeys(kinds)


@pytest.mark.parametrize(
    ('message', 'prefix', 'members', 'others'),
    [
        ('Alert', 'LEVEL', Level, UNKNOWN),
        ('CheckResult', 'VERDICT', Verdict, UNKNOWN),
        ('ChecklistItem', 'STATE', ItemState, UNKNOWN),
        ('Decision', 'CAUSE', FailureCause, {'NONE'}),
        ('RolloutStatus', 'PAUSE', PauseReason, set()),
        ('RolloutStatus', 'STATUS', Status, UNKNOWN),
        ('StepStatus', 'KIND', StepKind, UNKNOWN),
        ('StepStatus', 'STATE', StepState, set()),
        ('VersionStatus', 'STATE', VersionState, UNKNOWN),
    ],
)
def test_every_constant_has_a_member_and_every_member_a_constant(message, prefix, members, others):
    text = (ROOT / 'msg' / f'{message}.msg').read_text()
    constants = set(re.findall(rf'^uint8 {prefix}_(\w+) = \d+', text, re.MULTILINE))
    assert constants == members.__members__.keys() | others
