# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The control loop of a feature flag: the next share, from the checks of a gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hotswap_ros.gates.result import MIN_TASKS, CheckResult, Verdict
from hotswap_ros.plan import Role
from hotswap_ros.text import count, percent


@dataclass(frozen=True)
class Ramp:
    """
    The changes of a flag at the end of each interval, as shares of tasks (0 to 1).

    `most` is the largest share. The share rises only after an interval in which the candidate
    finished at least `tasks` tasks. Raises ValueError for shares outside (0, 1].
    """

    up: float = 0.1
    down: float = 0.1
    most: float = 1.0
    tasks: int = MIN_TASKS

    def __post_init__(self) -> None:
        for name in ('up', 'down', 'most'):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(
                    f"'{name}' is {getattr(self, name)}: it must be above 0 and at most 1"
                )


class Move(NamedTuple):
    """The next share of the flag (0 to 1), with the reason."""

    share: float
    verdict: Verdict
    sentence: str


def next_share(
    share: float, checks: Sequence[CheckResult], new_tasks: int, ramp: Ramp | None = None
) -> Move:
    """
    Return the next share of a flag, from the checks of its gate at the end of an interval.

    `checks` are those of `Gate.checks(complete=True)`, of one gate from the first interval to the
    last; `new_tasks` is the number of tasks that the candidate finished in this interval. A failed
    check stays failed, so a share that fell continues to fall to zero; a signal lowers none. With
    too little data the share stays. At a share of zero there are no tasks to judge, so the first
    step needs none.
    """
    ramp = ramp or Ramp()
    is_signal = Role.SIGNAL.value
    failed = [c.sentence for c in checks if c.verdict is Verdict.FAIL and c.role != is_signal]
    if failed:
        lower = _tidy(max(0.0, share - ramp.down))
        return Move(lower, Verdict.FAIL, f'{_moved(share, lower)}: {" ".join(failed)}')
    if share == 0:
        higher = _tidy(min(ramp.up, ramp.most))
        return Move(
            higher, Verdict.PENDING, f'{_moved(share, higher)}: there are no tasks to judge yet.'
        )
    if new_tasks < ramp.tasks:
        text = f'{count(new_tasks, "task")} in this interval, {ramp.tasks} needed'
        return Move(share, Verdict.INCONCLUSIVE, f'{_moved(share, share)}: {text}.')
    open_ = [c.sentence for c in checks if c.verdict not in (Verdict.PASS, Verdict.FAIL)]
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
        return f'The share stays at {percent(share)}'
    return f'The share {"rises" if to > share else "falls"} from {percent(share)} to {percent(to)}'
