# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The diagnosis of a case: all hypotheses, examined and ranked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from hotswap_ros.gates.diagnosis import by_evidence as evidence
from hotswap_ros.gates.diagnosis import by_outcome as outcome
from hotswap_ros.gates.diagnosis import by_place as place
from hotswap_ros.gates.diagnosis.by_guard import by_guard
from hotswap_ros.gates.diagnosis.case import Case, Diagnosis, Finding, Group, Hypothesis
from hotswap_ros.gates.diagnosis.local import (
    LABEL,
    PERIOD,
    ROBOTS,
    local_causes,
    of_kind,
    without,
)
from hotswap_ros.gates.diagnosis.ranking import (
    CATEGORY,
    CHANCE,
    DRIFT,
    EVERYWHERE,
    OVERFITTING,
    explain,
)
from hotswap_ros.gates.errors import AnalysisError

_ORDER = list(Finding)
_OPEN = (Finding.SUPPORTED, Finding.POSSIBLE)
#: Prior weight of drift as the cause, before it is known where tasks failed.
_BELIEF = {
    Finding.SUPPORTED: 1.0,
    Finding.POSSIBLE: 0.2,
    Finding.UNSUPPORTED: 0.0,
    Finding.UNEXAMINED: 0.0,
}
#: Factor of that weight if there are task categories without training: they explain the drift.
_BY_NEW_TASKS = 0.3


def diagnose(case: Case) -> Diagnosis:
    """
    Examine a case and rank the hypotheses.

    Raises AnalysisError if a version has no tasks and no other facts point to a cause.
    """
    categories = case.split(lambda record: record.category)
    robots = case.split(lambda record: record.robot_id)
    failures = _failures(case)
    drift = evidence.drift(case)
    found = by_guard(case, categories)
    if case.is_comparable:
        found += _by_outcome(case, categories, robots, failures, drift)
    else:
        found.append(drift)
    if not case.is_comparable and not any(one.finding in _OPEN for one in found):
        idle = case.control if not case.both[0].tasks else case.candidate
        raise AnalysisError(f'{idle} has no comparable tasks: record tasks of both versions')
    ranked = sorted(found, key=_rank)
    return Diagnosis(case, _sentence(case, ranked), tuple(ranked), categories, robots, failures)


def _by_outcome(
    case: Case,
    categories: Mapping[str, Group],
    robots: Mapping[str, Group],
    failures: Mapping[str, tuple[int, int]],
    drift: Hypothesis,
) -> list[Hypothesis]:
    found = local_causes(case)
    elsewhere = [cause for cause in found if cause.kind != CATEGORY]
    # Robots, labels and times are left out of what categories say, and the other way round.
    rest = without(case, elsewhere) if elsewhere else case
    if elsewhere:
        categories = rest.split(lambda record: record.category)
    comparable = {name: group for name, group in categories.items() if group.is_comparable}
    lab = case.control_lab, case.lab
    belief = _BELIEF[drift.finding]
    if case.known is not None and not case.known.issuperset(comparable):
        belief *= _BY_NEW_TASKS
    likely = explain(comparable, case.known, belief, lab)
    drift = evidence.weighed(drift, likely.get(DRIFT, 0.0))
    causes = [
        drift,
        # What is shown in one place is not chance, whatever is left elsewhere.
        outcome.chance(case, 0.0 if elsewhere else likely[CHANCE]),
        outcome.overfitting(rest, categories, likely.get(OVERFITTING, 0.0)),
        evidence.label_noise(case),
        outcome.broken_category(rest, categories, likely.get(CATEGORY, 0.0)),
        place.few_robots(case, robots, of_kind(found, ROBOTS)),
        *_given(
            place.with_label(case, of_kind(found, LABEL)),
            place.in_period(case, of_kind(found, PERIOD)),
        ),
    ]
    return [
        *causes,
        outcome.everywhere(rest, categories, causes, likely[EVERYWHERE]),
        evidence.disagreement(case),
        outcome.failure_kind(case, failures),
    ]


def _given(*hypotheses: Hypothesis | None) -> list[Hypothesis]:
    return [one for one in hypotheses if one is not None]


def _rank(one: Hypothesis) -> tuple[bool, bool, bool, int, float]:
    """Order: direct observations, causes by finding and strength, symptoms, all others."""
    is_out = one.finding not in _OPEN
    is_seen = one.is_direct and one.finding is Finding.SUPPORTED
    return is_out, not is_seen, one.is_symptom, _ORDER.index(one.finding), -one.strength


def _failures(case: Case) -> dict[str, tuple[int, int]]:
    """Return the failed tasks of control and candidate by the reason that robots report."""
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
            f'No examined cause explains the result of {case.candidate}. Most likely: '
            f'{ranked[0].title}. {ranked[0].text} {ranked[0].remedy}'
        )
    else:
        text = f'{supported[0].title}. {supported[0].text} {supported[0].remedy}'
        text += _named('Also supported', supported[1:])
    text += _named('Also possible', [h for h in ranked[1:] if h.finding is Finding.POSSIBLE])
    if open_:
        text += f' {len(open_)} of {len(ranked)} hypotheses could not be examined.'
    return text


def _named(lead: str, hypotheses: list[Hypothesis]) -> str:
    titles = '; '.join(one.title for one in hypotheses)
    return f' {lead}: {titles}.' if titles else ''
