# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How labels are dealt out to simulated robots, live and in virtual time alike."""

from __future__ import annotations

from collections.abc import Sequence


def labels_of(entries: Sequence[str], number: int) -> tuple[str, ...]:
    """
    Return the labels of a robot, by its `number` in its region, from 0.

    Entries are dealt in turn; one with commas is several labels: "gripper=jaw,floor=1".
    """
    if not entries:
        return ()
    return tuple(part.strip() for part in entries[number % len(entries)].split(','))
