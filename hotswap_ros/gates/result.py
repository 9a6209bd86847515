# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The result of a check, and its verdict."""

from __future__ import annotations

import enum
import math
from dataclasses import asdict, dataclass
from typing import Any

from hotswap_ros.text import evidence_words

#: With fewer tasks a check is INCONCLUSIVE, never PASS: so few tasks seldom show even a candidate
#: that is 22 points worse (measured: 7% with 20 candidate tasks on five robots).
MIN_TASKS = 20


class Verdict(str, enum.Enum):
    """The verdict of a check; INCONCLUSIVE never counts as a pass."""

    PENDING = 'pending'
    PASS = 'pass'
    FAIL = 'fail'
    INCONCLUSIVE = 'inconclusive'


@dataclass(frozen=True)
class CheckResult:
    """
    The verdict of one check with its evidence; NaN stands for a figure that does not exist.

    `estimate` and `control` are the figures of the candidate and of the control, with 95%
    intervals `low` to `high` and `control_low` to `control_high`; `threshold` is the limit in the
    same unit. The check fails if `evidence` reaches `evidence_limit`, or if `p_value` is below
    `alpha`, the part of the plan's alpha that the check may spend. `n` and `n_control` are the
    sample sizes. `drop` is the difference of the success rates among comparable tasks, positive if
    the candidate is worse, with the confidence sequence or interval `drop_low` to `drop_high`.
    `is_proven` says that the candidate was shown to be at most the tolerance worse: the evidence
    `proof` for it reached `proof_limit`, now or earlier. `role` is what the check decides, see
    Role.
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
    proof: float = math.nan
    proof_limit: float = math.nan
    is_proven: bool = False
    role: str = ''

    def as_json(self) -> dict[str, Any]:
        """Return the fields for JSON, with None for NaN and infinity, which JSON does not have."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in {**asdict(self), 'verdict': self.verdict.value}.items()
        }


def verdict_of(*, failed: bool, complete: bool, enough: bool) -> Verdict:
    """Return the verdict: FAIL at any time, PASS or INCONCLUSIVE only if `complete`."""
    if failed:
        return Verdict.FAIL
    if not complete:
        return Verdict.PENDING
    return Verdict.PASS if enough else Verdict.INCONCLUSIVE


def conclusion(
    verdict: Verdict,
    evidence: float,
    limit: float,
    *,
    harm: str,
    no_harm: str = 'no harm shown',
    needed: str = 'tasks of each version are needed',
) -> str:
    """Return the verdict of a check by evidence in words; `harm` is what the check looks for."""
    words = evidence_words(evidence, limit)
    return {
        Verdict.FAIL: f'{harm} beyond chance ({words}): roll back',
        Verdict.PENDING: f'no verdict yet ({words})',
        Verdict.PASS: f'{no_harm} ({words})',
        Verdict.INCONCLUSIVE: f'inconclusive, {MIN_TASKS} {needed}',
    }[verdict]


def ratio(part: float, whole: float) -> float:
    """Return `part / whole`; NaN if `whole` is zero."""
    return part / whole if whole else math.nan
