# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a check says, and the words that all checks say it with."""

from __future__ import annotations

import enum
import math
from dataclasses import asdict, dataclass
from typing import Any

#: Fewer tasks than these are INCONCLUSIVE, never PASS: even a candidate that is 22 points worse is
#: seldom found out within so few (measured: 7% with 20 candidate tasks on five robots).
MIN_TASKS = 20


class Verdict(str, enum.Enum):
    """What a check can say; INCONCLUSIVE never counts as a pass."""

    PENDING = 'pending'
    PASS = 'pass'
    FAIL = 'fail'
    INCONCLUSIVE = 'inconclusive'


@dataclass(frozen=True)
class CheckResult:
    """
    One check with the evidence that it rests on; NaN stands for a figure that does not exist.

    `estimate` and `control` are the figures of the candidate and of the control, each with a 95%
    interval where there is one, and `threshold` is the limit in the same unit. The check fails
    when `evidence` has reached `evidence_limit`; a p-value, in `p_value`, when it is below
    `alpha`, which is what the check may spend of the plan's. `n` and `n_control` are the sample
    sizes. `drop` is by how much the candidate is worse, like for like, with the confidence
    sequence or interval `drop_low` to `drop_high`.
    """

    name: str
    verdict: Verdict
    method: str
    sentence: str
    estimate: float = math.nan
    control: float = math.nan
    low: float = math.nan
    high: float = math.nan
    control_low: float = math.nan
    control_high: float = math.nan
    threshold: float = math.nan
    evidence: float = math.nan
    evidence_limit: float = math.nan
    n: int = 0
    n_control: int = 0
    drop: float = math.nan
    drop_low: float = math.nan
    drop_high: float = math.nan
    p_value: float = math.nan
    alpha: float = math.nan

    def as_json(self) -> dict[str, Any]:
        """Return the fields for JSON, with None for NaN and infinity, which JSON does not have."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in {**asdict(self), 'verdict': self.verdict.value}.items()
        }


def verdict_of(*, failed: bool, complete: bool, enough: bool) -> Verdict:
    """Return the verdict: harm at any time, anything else only when the data are in."""
    if failed:
        return Verdict.FAIL
    if not complete:
        return Verdict.PENDING
    return Verdict.PASS if enough else Verdict.INCONCLUSIVE


def ratio(part: float, whole: float) -> float:
    """Return a share, NaN of nothing."""
    return part / whole if whole else math.nan
