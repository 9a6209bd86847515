# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Versions of a trial that ran one after the other, instead of at the same time."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.gates.analysis.records import Records

#: Fewer tasks than this share at the time of the other version are no concurrent control.
_SHARE = 0.01
#: Ids say something about the order if each version has this many of them.
_IDS = 10
_EPOCH_S = 1e8


def never_together(records: Records, control: str, candidate: str) -> str:
    """
    Return a sentence if two versions ran one after the other; empty if not, or if it is unknown.

    Times show it. Without times, ids that count tasks do, on every robot that served both.
    """
    masks = [records.version.equal(name) for name in (control, candidate)]
    times = [records.time[mask & ~np.isnan(records.time)] for mask in masks]
    if all(len(own) for own in times):
        if not _are_apart(*times):
            return ''
        spans = ', '.join(
            f'{name} from {_moment(own.min())} to {_moment(own.max())}'
            for name, own in zip((control, candidate), times)
        )
        return f'{control} and {candidate} never ran at the same time ({spans}). {_LIMITS}'
    if not _ids_are_apart(records, masks):
        return ''
    return (
        f'{control} and {candidate} seem to have run one after the other: the numbers in the ids '
        f'of their tasks do not overlap. {_LIMITS}'
    )


_LIMITS = (
    'The comparison shows how the tasks of the two periods ended. It cannot show that the version '
    'is the cause of a difference: tasks, objects, light, wear or people may have changed, too, '
    'and more tasks do not help. Let both versions run at the same time, on the same robots.'
)


def _are_apart(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Return whether almost no number of either side is within the range of the other one."""
    return all(
        np.mean((own >= other.min()) & (own <= other.max())) < _SHARE
        for own, other in ((first, second), (second, first))
    )


def _ids_are_apart(records: Records, masks: list[NDArray[np.bool_]]) -> bool:
    numbers = _numbers(records)
    if numbers is None:
        return False
    robots, found = records.robot_id.codes, []
    for robot in np.unique(robots):
        sides = [numbers[mask & (robots == robot)] for mask in masks]
        if all(len(side) >= _IDS for side in sides):
            found.append(_are_apart(*sides))
    return bool(found) and all(found)


def _numbers(records: Records) -> NDArray[np.float64] | None:
    """Return the number at the end of every id; None unless all ids are alike but for it."""
    found = [re.fullmatch(r'(.*?)(\d{1,15})', task_id) for task_id in records.task_id]
    if not found or not all(found) or len({one[1] for one in found if one}) > 1:
        return None
    return np.array([float(one[2]) for one in found if one])


def _moment(seconds: float) -> str:
    if seconds < _EPOCH_S:
        return f'{seconds:,.0f} s'
    return f'{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M} UTC'
