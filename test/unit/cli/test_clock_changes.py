# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Local times of the hours in which clocks are set."""

import time
from collections.abc import Iterator

import pytest

from hotswap_ros.cli.files.values import Unclear, moment


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as changed:
        # In POSIX form, which needs no database of time zones.
        changed.setenv('TZ', 'CET-1CEST,M3.5.0,M10.5.0/3')
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    'text', ['2026-10-25T02:30:00', '25.10.2026 02:30', '2026-03-29 02:30:00', '29.03.2026 02:30']
)
def test_a_time_that_comes_twice_or_never_is_refused(text: str) -> None:
    with pytest.raises(Unclear):
        moment(text)


@pytest.mark.parametrize(
    ('text', 'same'),
    [
        ('2026-10-25T01:59:59', '2026-10-24T23:59:59Z'),
        ('2026-10-25T03:00:00', '2026-10-25T02:00:00Z'),
        ('2026-03-29T01:59:59', '2026-03-29T00:59:59Z'),
        ('2026-03-29T03:00:00', '2026-03-29T01:00:00Z'),
        ('2026-10-25T02:30:00+02:00', '2026-10-25T00:30:00Z'),
    ],
)
def test_all_other_times_are_read(text: str, same: str) -> None:
    assert moment(text) == moment(same)
