# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""How the probability of a false rollback is divided among the checks that can cause one."""

from __future__ import annotations

from collections.abc import Iterable

#: Success decides most rollouts and is the hardest to see; the others are loud when they are bad.
#: The rest also pays for the other end of the interval of the drop.
SUCCESS_SHARE = 0.8


def split_alpha(alpha: float, others: Iterable[str]) -> dict[str, float]:
    """Return what `success` may spend of alpha, and each of the other checks."""
    names = tuple(others)
    share = (1 - SUCCESS_SHARE) / max(1, len(names))
    return {'success': SUCCESS_SHARE * alpha, **dict.fromkeys(names, share * alpha)}
