# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What went wrong: every hypothesis examined, and ranked."""

from __future__ import annotations

from collections import Counter

from hotswap_ros.gates.analysis import _by_evidence as evidence
from hotswap_ros.gates.analysis import _by_outcome as outcome
from hotswap_ros.gates.analysis._case import Case, Diagnosis, Finding, Hypothesis
from hotswap_ros.gates.analysis._trial import AnalysisError

_ORDER = list(Finding)


def diagnose(case: Case) -> Diagnosis:
    """Examine a case. Raises AnalysisError when a version has no tasks."""
    for name, arm in zip((case.control, case.candidate), case.both):
        if not arm.tasks:
            raise AnalysisError(f'no comparable task of {name}: nothing to diagnose')
    categories = case.split(lambda record: record.category)
    robots = case.split(lambda record: record.robot_id)
    failures = _failures(case)
    causes = [
        outcome.chance(case),
        outcome.overfitting(case, categories),
        evidence.drift(case),
        evidence.label_noise(case),
        outcome.broken_category(case, categories),
        outcome.few_robots(case, robots),
    ]
    found = [
        *causes,
        outcome.everywhere(case, categories, causes),
        evidence.disagreement(case),
        outcome.failure_kind(case, failures),
    ]
    ranked = sorted(found, key=_rank)
    return Diagnosis(case, _sentence(case, ranked), tuple(ranked), categories, robots, failures)


def _rank(one: Hypothesis) -> tuple[bool, bool, int, float]:
    """Causes that may be, the likeliest first, then symptoms, then what it is not."""
    is_out = one.finding not in (Finding.SUPPORTED, Finding.POSSIBLE)
    return is_out, one.is_symptom, _ORDER.index(one.finding), -one.strength


def _failures(case: Case) -> dict[str, tuple[int, int]]:
    """Return how many failed tasks of control and candidate the robots gave each reason for."""
    control, candidate = (
        Counter(
            {
                error: sum(r.tasks - r.successes for r in records if r.error == error)
                for error in {r.error for r in records if r.successes < r.tasks}
            }
        )
        for records in (case.of_control, case.of_candidate)
    )
    names = sorted(control | candidate, key=lambda name: -candidate[name])
    return {name: (control[name], candidate[name]) for name in names}


def _sentence(case: Case, ranked: list[Hypothesis]) -> str:
    supported = [one for one in ranked if one.finding is Finding.SUPPORTED]
    open_ = [one for one in ranked if one.finding is Finding.UNEXAMINED]
    if not supported:
        text = (
            f'Nothing that was examined explains what became of {case.candidate}; most likely is: '
            f'{ranked[0].title}. {ranked[0].text} {ranked[0].remedy}'
        )
    else:
        text = f'{supported[0].title}. {supported[0].text} {supported[0].remedy}'
        text += _named('Also supported', supported[1:])
    text += _named('Possible as well', [h for h in ranked[1:] if h.finding is Finding.POSSIBLE])
    if open_:
        text += f' {len(open_)} of {len(ranked)} hypotheses could not be examined.'
    return text


def _named(lead: str, hypotheses: list[Hypothesis]) -> str:
    titles = '; '.join(one.title for one in hypotheses)
    return f' {lead}: {titles}.' if titles else ''
