# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Whose computers are busy, how long robots wait, and where they are."""

from __future__ import annotations

from collections import Counter

import pytest

from hotswap_ros.sim.fleet_layout import busy_robots, mean_pause_s, place_of

NAMES = [f'robot_{number:03d}' for number in range(200)]


@pytest.mark.parametrize(('share', 'busy'), [(0.0, 0), (0.1, 20), (0.304, 61), (1.0, 200)])
def test_so_many_computers_are_busy(share: float, busy: int) -> None:
    assert len(busy_robots(NAMES, share, seed=1)) == busy


def test_who_is_busy_at_a_small_share_is_so_at_a_larger_one() -> None:
    few, more = (busy_robots(NAMES, share, seed=1) for share in (0.1, 0.3))
    assert few < more
    assert few == busy_robots(reversed(NAMES), 0.1, seed=1)
    assert few != busy_robots(NAMES, 0.1, seed=2)
    # The busy ones are not the first of the fleet, which canaries would be made of.
    assert not few <= set(NAMES[:100])


def test_every_robot_waits_in_its_own_way() -> None:
    pauses = [mean_pause_s(name, 30.0, seed=1) for name in NAMES]
    assert 0.0 <= min(pauses) < 5.0
    assert 55.0 < max(pauses) <= 60.0
    assert sum(pauses) / len(pauses) == pytest.approx(30.0, abs=3.0)
    assert len(set(pauses)) == len(pauses)
    assert pauses == [mean_pause_s(name, 30.0, seed=1) for name in NAMES]
    assert mean_pause_s('robot_000', 60.0, seed=1) == 2 * pauses[0]
    assert mean_pause_s('robot_000', 0.0, seed=1) == 0.0


def test_every_label_is_in_every_region() -> None:
    labels = ['gripper=cup,floor=1', 'gripper=jaw']
    places = Counter(place_of(['north', 'south'], labels, number) for number in range(8))
    cup, jaw = ('gripper=cup', 'floor=1'), ('gripper=jaw',)
    assert places == {(region, one): 2 for region in ('north', 'south') for one in (cup, jaw)}
    assert place_of([], [], 3) == ('', ())
