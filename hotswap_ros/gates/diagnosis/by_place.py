# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Hypotheses on where and when it fails: robots, robots with a label, parts of the time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hotswap_ros.gates.diagnosis.case import Case, Finding, Group, Hypothesis
from hotswap_ros.gates.diagnosis.local import LABEL, MOST_ROBOTS, PERIOD, ROBOTS, LocalCause
from hotswap_ros.text import percent


def few_robots(case: Case, robots: Mapping[str, Group], found: Sequence[LocalCause]) -> Hypothesis:
    """Examine whether a few robots make the difference."""
    title = 'A few robots: hardware or location, not the policy'
    remedy = 'Check these robots (calibration, gripper, location) before you retrain the policy.'
    usable = {n: g for n, g in robots.items() if n and g.is_comparable}
    if len(usable) <= 2 * MOST_ROBOTS:
        text = 'Too few robots served both versions.'
        return Hypothesis(ROBOTS, title, Finding.UNEXAMINED, 0.0, text, remedy)
    all_line = (
        f'{sum(g.drop > 0 for g in usable.values())} of {len(usable)} robots are worse with '
        f'{case.candidate}.'
    )
    names = [name for cause in found for name in cause.names]
    worst = {name: usable[name] for name in names or list(usable)[:MOST_ROBOTS]}
    part = case.part(sum(group.excess for group in worst.values()))
    expected = sum(g.candidate.tasks for g in worst.values()) / max(1, case.both[1].tasks)
    has = 'has' if len(worst) == 1 else 'have'
    lines = [group.words(name) for name, group in worst.items()]
    return Hypothesis(
        ROBOTS,
        title,
        Finding.SUPPORTED if names else Finding.UNSUPPORTED,
        part if names else 0.0,
        f'{", ".join(worst)} {has} {percent(part)} of the extra failures and '
        f'{percent(expected)} of the tasks.',
        remedy,
        tuple(lines) if names else (),
        (all_line,) if names else (all_line, 'Robots do not differ beyond chance.'),
    )


def with_label(case: Case, found: Sequence[LocalCause]) -> Hypothesis | None:
    """Examine whether it is worse on robots with a label; None if robots have no labels."""
    if not any(case.labels.values()):
        return None
    title = 'It is worse on robots with one label: firmware, hardware or place'
    if found:
        title = f"It is worse on robots with the label '{found[0].names[0]}'"
    return _local(
        case,
        LABEL,
        title,
        'Compare these robots with the others: firmware, drivers, sensors, place.',
        found,
        'robots with other labels',
    )


def in_period(case: Case, found: Sequence[LocalCause]) -> Hypothesis | None:
    """Examine whether it is worse in a part of the time; None if times are not known."""
    if not all(math.isfinite(record.time) for record in case.records):
        return None
    title = 'It is worse in a part of the time only'
    if found:
        title = f'{title}: {found[0].names[0]}'
    return _local(
        case,
        PERIOD,
        title,
        'Find out what changed then: light, shifts, goods, network, other software.',
        found,
        'the rest of the time',
    )


def _local(
    case: Case,
    kind: str,
    title: str,
    remedy: str,
    found: Sequence[LocalCause],
    others: str,
) -> Hypothesis:
    if not found:
        text = 'No such part of the tasks differs from the others beyond chance.'
        return Hypothesis(kind, title, Finding.UNSUPPORTED, 0.0, text, remedy)
    part = case.part(sum(one.excess for one in found))
    return Hypothesis(
        kind,
        title,
        Finding.SUPPORTED,
        part,
        f'{percent(part)} of the extra failures are in these tasks.',
        remedy,
        tuple(one.inside.words(one.names[0], math.exp(one.log_p)) for one in found),
        tuple(one.outside.words(others) for one in found),
    )
