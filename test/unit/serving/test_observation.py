# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The check of observations."""

from typing import Any

import numpy as np
import pytest

from hotswap_ros.serving import ObservationError
from hotswap_ros.serving.checks import ObservationCheck


@pytest.fixture
def check(make_version: Any) -> ObservationCheck:
    return ObservationCheck(make_version.manifest())


def test_a_good_one(check: ObservationCheck, observe: Any) -> None:
    check.check(observe())


@pytest.mark.parametrize(
    ('inputs', 'subject', 'expected', 'found'),
    [
        ({}, 'observation', 'float32[1, 4]', 'none'),
        ({'observation': [1, 2]}, 'observation', 'float32[1, 4]', 'a list, not a NumPy array'),
        (
            {'observation': np.zeros((1, 4))},
            'observation',
            'float32[1, 4]',
            'float64[1, 4]',
        ),
        (
            {'observation': np.zeros(4, np.float32)},
            'observation',
            'float32[1, 4]',
            'float32[4]',
        ),
        (
            {'observation': np.array([[0, 0, np.nan, 0]], np.float32)},
            'observation',
            'finite numbers',
            'nan at [0, 2]',
        ),
    ],
)
def test_a_wrong_one_is_described(
    check: ObservationCheck, inputs: dict[str, Any], subject: str, expected: str, found: str
) -> None:
    with pytest.raises(ObservationError) as caught:
        check.check(inputs)
    assert caught.value.subject == f"input '{subject}'"
    assert caught.value.expected == expected
    assert caught.value.found == found
    assert str(caught.value) == (
        f"input '{subject}': expected {expected}, found {found}: send what the manifest describes"
    )
