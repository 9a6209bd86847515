# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Hypotheses from inputs, reviews and comparisons with a shadow, one function each."""

from __future__ import annotations

import math
from dataclasses import replace

from hotswap_ros.gates.diagnosis.case import MAIN, Case, Finding, Hypothesis, Review, counts
from hotswap_ros.gates.diagnosis.ranking import DRIFT
from hotswap_ros.gates.diagnosis.record import Counts, p_worse
from hotswap_ros.gates.result import MIN_TASKS
from hotswap_ros.gates.stats.drift import Drift, Level
from hotswap_ros.gates.stats.intervals import wilson_interval
from hotswap_ros.text import change, p_words, percent

_ALPHA = 0.05
#: From this share of mislabelled failures on, labels are noisy.
_NOISE = 0.05
LABEL_NOISE, DISAGREEMENT = 'label_noise', 'disagreement'


def drift(case: Case) -> Hypothesis:
    """Examine whether the inputs on robots differ from the training data."""
    title = 'Training data drift: the inputs on robots differ from the training data'
    if case.drifts is None:
        return Hypothesis(
            DRIFT,
            title,
            Finding.UNEXAMINED,
            0.0,
            'There are no recorded inputs, or no statistics of the training data.',
            'Record inputs, and add the statistics of the training data to the manifest.',
        )
    off = [one for one in case.drifts if one.level is not Level.NONE]
    strong = [one for one in off if one.level is Level.STRONG]
    supports = [_drift_words(one) for one in off[:5]]
    objects = (
        [] if off else [f'None of {len(case.drifts)} features drifted: {_worst(case.drifts)}']
    )
    part, where, harmful = _strange_tasks(case)
    if where:
        (supports if harmful else objects).append(where)
    beside, speaks_for = _beside_control(case, off)
    if beside:
        (supports if speaks_for else objects).append(beside)
    names = ', '.join(one.feature for one in off[:5])
    finding = Finding.POSSIBLE if off else Finding.UNSUPPORTED
    is_alike = bool(beside) and not speaks_for
    if off and (harmful or not (where or is_alike)) and (strong or speaks_for):
        finding = Finding.SUPPORTED
    return Hypothesis(
        DRIFT,
        title,
        finding,
        # The part of the failures that it causes is only known with tasks.
        max(part, MAIN if finding is Finding.SUPPORTED else 0.5 * MAIN) if off else 0.0,
        f'{len(off)} of {len(case.drifts)} features drifted, {len(strong)} of them strongly.',
        f'Record new training data on the robots ({names or "all features"}), and check the '
        'sensors and the calibration of these features.',
        tuple(supports),
        tuple(objects),
    )


def weighed(found: Hypothesis, likely: float) -> Hypothesis:
    """Return the hypothesis with its posterior probability beside the other explanations."""
    finding = found.finding
    if finding is Finding.SUPPORTED and likely < MAIN:
        finding = Finding.POSSIBLE
    return replace(found, finding=finding, strength=likely)


def _beside_control(case: Case, off: list[Drift]) -> tuple[str, bool]:
    """Return a line on the control's inputs of the same features, and whether it is for drift."""
    known = {one.feature: one for one in case.control_drifts or ()}
    same = tuple(known[one.feature] for one in off if one.feature in known)
    if not same:
        return '', False
    if all(one.level is Level.NONE for one in same):
        return f'The inputs of {case.control} match its training data: {_worst(same)}', True
    return f'The inputs of {case.control} drifted too: {_worst(same)}', False


def _strange_tasks(case: Case) -> tuple[float, str, bool]:
    """Return the part of the extra failures with strange inputs, a line, and if it is harm."""
    seen = [record for record in case.of_candidate if record.task_id in case.watched]
    odd = counts(record for record in seen if record.task_id in case.strange)
    usual = counts(record for record in seen if record.task_id not in case.strange)
    if odd.tasks < MIN_TASKS or usual.tasks < MIN_TASKS:
        return 0.0, '', False
    p_value = p_worse(usual, odd)
    words = (
        f'{case.candidate} succeeds in {percent(odd.rate)} of {odd.tasks:,} tasks with inputs '
        f'beyond the training data, and in {percent(usual.rate)} of {usual.tasks:,} others '
        f'({p_words(p_value)}).'
    )
    harmful = p_value < _ALPHA
    extra = (usual.rate - odd.rate) * odd.tasks if harmful else 0.0
    return min(1.0, extra / max(case.excess, 1.0)) if case.excess > 0 else 0.0, words, harmful


def label_noise(case: Case) -> Hypothesis:
    """Examine whether correct tasks were labelled as failed."""
    title = 'Label noise: correct tasks were labelled as failed'
    remedy = 'Improve the labels of outcomes, and retrain with corrected data.'
    own = [r for r in case.reviews or () if r.version in ('', case.candidate)]
    if not own:
        return Hypothesis(
            LABEL_NOISE,
            title,
            Finding.UNEXAMINED,
            0.0,
            'No person reviewed failed tasks.',
            f'Review 100 failed tasks of {case.candidate}, and 100 of {case.control}.',
        )
    right, n = sum(review.was_right for review in own), len(own)
    low, high = wilson_interval(right, n)
    noisy = right / n > _NOISE
    finding = Finding.POSSIBLE if noisy else Finding.UNSUPPORTED
    if low > _NOISE:
        finding = Finding.SUPPORTED
    line = (
        f'The robot was right in {right:,} of {n:,} reviewed failures ({percent(right / n)}, 95% '
        f'interval {percent(low)} to {percent(high)}).'
    )
    failures = case.both[1].failures
    corrected = (case.both[1].successes + failures * right / n) / case.both[1].tasks
    supports, objects = ([line], []) if noisy else ([], [line])
    supports += [f'The corrected success rate is {percent(corrected)}.'] if noisy else []
    other = [r for r in case.reviews or () if r.version == case.control]
    if right and other:
        objects.append(_noise_of_both(case, Counts(right, n), other))
    elif right:
        objects.append(
            f'No failures of {case.control} were reviewed: if its labels are as noisy, they do '
            'not explain the difference.'
        )
    return Hypothesis(
        LABEL_NOISE,
        title,
        finding,
        right / n,
        f'About {failures * right / n:,.0f} of {failures:,} failures may be correct tasks.',
        remedy,
        tuple(supports),
        tuple(objects),
    )


def _noise_of_both(case: Case, own: Counts, other: list[Review]) -> str:
    right = sum(review.was_right for review in other)
    rates = [
        (arm.successes + arm.failures * share) / arm.tasks
        for arm, share in zip(case.both, (right / len(other), own.rate))
    ]
    return (
        f'{case.control} was right in {right:,} of {len(other):,} reviewed failures: with both '
        f'rates corrected, {case.candidate} is {change(rates[0] - rates[1])}.'
    )


def disagreement(case: Case) -> Hypothesis:
    """Examine whether it fails in tasks in which it decides differently from the control."""
    title = f'It decides differently from {case.control} in failed tasks'
    remedy = f'Look at the first different decision of {case.candidate} in failed tasks.'
    shared = case.apart or {}
    seen = [record for record in case.of_candidate if record.task_id in shared]
    failed = [record for record in seen if not record.successes]
    won = [record for record in seen if record.successes]
    if len(failed) < 5 or len(won) < 5:
        text = f'Too few tasks of {case.candidate} were compared with {case.control} step by step.'
        return Hypothesis(DISAGREEMENT, title, Finding.UNEXAMINED, 0.0, text, remedy)
    apart = [sum(shared[record.task_id] for record in group) for group in (failed, won)]
    rates = apart[0] / len(failed), apart[1] / len(won)
    p_value = _fisher_p(apart, (len(failed), len(won)))
    main = (
        f'They disagreed at some step in {percent(rates[0])} of {len(failed):,} failed tasks, and '
        f'in {percent(rates[1])} of {len(won):,} successful tasks ({p_words(p_value)}).'
    )
    same = len(failed) - apart[0]
    would = (
        f'In {same:,} failed tasks they never disagreed by more than the tolerance: '
        f'{case.control} would probably have failed too.'
    )
    shown = p_value < _ALPHA
    finding = Finding.SUPPORTED if shown and rates[0] >= MAIN else Finding.POSSIBLE
    return Hypothesis(
        DISAGREEMENT,
        title,
        finding if shown else Finding.UNSUPPORTED,
        max(0.0, rates[0] - rates[1]) if shown else 0.0,
        f'In {apart[0]:,} of {len(failed):,} failed tasks, {case.control} may have succeeded.',
        remedy,
        (main,) if shown else (),
        (*(() if shown else (main,)), *((would,) if same else ())),
        is_symptom=True,
    )


def _fisher_p(apart: list[int], of: tuple[int, int]) -> float:
    """Return the one-sided p of "not more often in the first part", by Fisher's exact test."""
    both, whole = sum(apart), sum(of)
    cases = range(apart[0], min(both, of[0]) + 1)
    ways = sum(math.comb(of[0], k) * math.comb(of[1], both - k) for k in cases)
    return ways / math.comb(whole, both)


def _drift_words(one: Drift) -> str:
    text = (
        f'{one.feature}: stability index {one.psi:.2f} ({one.level.value}), KS distance '
        f'{one.ks:.2f}'
    )
    if math.isnan(one.median):
        return f'{text}.'
    return f'{text}; median {one.median:.3g}, in training {one.training_median:.3g}.'


def _worst(drifts: tuple[Drift, ...]) -> str:
    worst = max(drifts, key=lambda one: one.psi)
    return f'the largest stability index is {worst.psi:.2f}, of {worst.feature}.'
