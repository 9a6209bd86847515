# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The control loop of a feature flag: up while not worse, down when worse, on a gate's word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hotswap_ros.gates.result import MIN_TASKS, CheckResult, Verdict
from hotswap_ros.text import count, percent


@dataclass(frozen=True)
class Ramp:
    """
    How a flag moves at the end of each interval, as shares of tasks.

    `tasks` is how many the candidate must have finished in the interval for it to count as
    watched. Raises ValueError for shares out of (0, 1].
    """

    up: float = 0.1
    down: float = 0.1
    most: float = 1.0
    tasks: int = MIN_TASKS

    def __post_init__(self) -> None:
        for name in ('up', 'down', 'most'):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"'{name}' is {getattr(self, name)}: use more than 0, at most 1")


class Move(NamedTuple):
    """Where the flag goes, and why."""

    share: float
    verdict: Verdict
    sentence: str


def next_share(
    share: float, checks: Sequence[CheckResult], new_tasks: int, ramp: Ramp | None = None
) -> Move:
    """
    Return the flag's next value from what the gate says with the interval's data in.

    `checks` are those of `Gate.checks(complete=True)`, of one gate from the first interval to the
    last; `new_tasks` is how many the candidate finished in this interval. A failed check stands,
    so a flag that went down goes on down to zero and never up again; silence and too little data
    move it nowhere. At zero there is nothing to watch: the first step up needs no evidence.
    """
    ramp = ramp or Ramp()
    failed = [check.sentence for check in checks if check.verdict is Verdict.FAIL]
    if failed:
        lower = _tidy(max(0.0, share - ramp.down))
        return Move(lower, Verdict.FAIL, f'{_moved(share, lower)}: {" ".join(failed)}')
    if share == 0:
        higher = _tidy(min(ramp.up, ramp.most))
        return Move(
            higher, Verdict.PENDING, f'{_moved(share, higher)}: to have something to watch.'
        )
    if new_tasks < ramp.tasks:
        text = f'{count(new_tasks, "task")} in this interval, {ramp.tasks} are needed'
        return Move(share, Verdict.INCONCLUSIVE, f'{_moved(share, share)}: {text}.')
    open_ = [check.sentence for check in checks if check.verdict is not Verdict.PASS]
    if open_ or not checks:
        said = ' '.join(open_) or 'nothing was checked.'
        return Move(share, Verdict.INCONCLUSIVE, f'{_moved(share, share)}: {said}')
    higher = _tidy(max(share, min(share + ramp.up, ramp.most)))
    said = ' '.join(check.sentence for check in checks)
    return Move(higher, Verdict.PASS, f'{_moved(share, higher)}: {said}')


def _tidy(share: float) -> float:
    """Return 0.3 for 0.1 + 0.1 + 0.1."""
    return round(share, 9)


def _moved(share: float, to: float) -> str:
    if share == to:
        return f'The flag stays at {percent(share)}'
    return f'The flag goes {"up" if to > share else "down"} from {percent(share)} to {percent(to)}'
