# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The division of alpha, the probability of a false rollback, among the checks of a gate."""

from __future__ import annotations

from collections.abc import Iterable

#: Share of alpha for the success metric, which decides most rollouts and needs the most tasks;
#: a failure of another check is quickly found. The rest also covers the upper end of the interval
#: of the candidate's success.
SUCCESS_SHARE = 0.8


def split_alpha(alpha: float, others: Iterable[str], metric: str = 'success') -> dict[str, float]:
    """Return the part of alpha of `success` and of the others, by name; `metric` decides."""
    names = [name for name in ('success', *others) if name != metric]
    share = (1 - SUCCESS_SHARE) / max(1, len(names))
    return {metric: SUCCESS_SHARE * alpha, **dict.fromkeys(names, share * alpha)}
