# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The items of a checklist that are about the model: its results in the lab, and its bounds."""

from __future__ import annotations

from hotswap_ros.plan.checklist.facts import LabResult
from hotswap_ros.plan.checklist.finding import Case, Finding
from hotswap_ros.text import percent

_REMEDY = (
    "add them to the manifest under 'training.measured', name a file in 'labResults', or sign"
)
_NO_BASELINE = Finding(None, 'No robot is known, so no version to compare with is known.')


def lab_results(case: Case) -> Finding:
    """Compare the success rate in the lab with the previous version's."""
    own = case.candidate.lab
    if own is None:
        return _unknown(case, case.plan.version)
    allowed = case.checklist.max_lab_drop
    for name, other in _baselines(case).items():
        if other is None:
            return _unknown(case, name)
        text = (
            f'In the lab {case.plan.version} succeeds in {percent(own.success)} of tasks, {name} '
            f'in {percent(other.success)}'
        )
        # The subtrahend keeps 0.90 within 0.92 - 0.02, which is 0.9000000000000001.
        if own.success < other.success - allowed - 1e-9:
            return Finding(
                False,
                f'{text}; a drop of {100 * allowed:g} points is allowed: train it further, or '
                'override.',
            )
    if not case.previous and case.plan.success_criteria.baseline_success_rate is None:
        return _NO_BASELINE
    return Finding(True, f'{text}; a drop of {100 * allowed:g} points is allowed.')


def no_catastrophic_drop(case: Case) -> Finding:
    """Compare the success rate of each task category in the lab with the previous version's."""
    own = case.candidate.lab
    if own is None or not own.success_by_category:
        return _unknown(case, case.plan.version, 'per task category')
    kept = 1 - _category_drop(case)
    if not case.previous:
        return _NO_BASELINE
    for name in case.previous:
        other = case.version(name).lab
        if other is None or not other.success_by_category:
            return _unknown(case, name, 'per task category')
        lost = [
            f'{category} from {percent(rate)} to {percent(found)}'
            for category, rate in sorted(other.success_by_category.items())
            if (found := own.success_by_category.get(category)) is not None and found < kept * rate
        ]
        if lost:
            return Finding(
                False,
                f'In the lab the success rate of {case.plan.version} is more than '
                f'{100 * (1 - kept):g}% below that of {name} in some task categories '
                f'({", ".join(lost)}): train it on these, or override.',
            )
    return Finding(
        True,
        f'In the lab no task category drops by more than {100 * (1 - kept):g}% '
        f'({len(own.success_by_category)} tested).',
    )


def _category_drop(case: Case) -> float:
    """Return the tolerated drop: that of the gate, if the plan has one."""
    asked = case.plan.success_criteria.max_category_drop
    return case.checklist.max_category_drop if asked is None else asked


def all_categories(case: Case) -> Finding:
    """Check that every category of the previous version was tested, and that none is broken."""
    own = case.candidate.lab
    if own is None or not own.success_by_category:
        return _unknown(case, case.plan.version, 'per task category')
    rates = own.success_by_category
    broken = sorted(category for category, rate in rates.items() if rate == 0)
    if broken:
        return Finding(
            False,
            f'In the lab {case.plan.version} never succeeds in task category '
            f'{", ".join(broken)}: train it on these, or override.',
        )
    required = {
        category
        for name in case.previous
        if (other := case.version(name).lab) is not None
        for category in other.success_by_category
    }
    untested = sorted(required - rates.keys())
    if untested:
        return Finding(
            False,
            f'In the lab {case.plan.version} was not tested in task category '
            f'{", ".join(untested)}, but the previous version was: test these, or override.',
        )
    worst = min(rates, key=lambda category: rates[category])
    return Finding(
        True,
        f'In the lab every task category works ({len(rates)} tested); the lowest success rate is '
        f'{percent(rates[worst])}, in {worst}.',
    )


def bounds_declared(case: Case) -> Finding:
    """Check that every element of every output has bounds, which the guard then enforces."""
    found = case.candidate
    if found.problem:
        return Finding(None, f'The bounds of {case.plan.version} are unknown: {found.problem}.')
    if found.unbounded:
        return Finding(
            False,
            f"{case.plan.version} declares no bounds for {', '.join(found.unbounded)}: add 'low' "
            "and 'high' to the manifest, so that the guard can enforce them.",
        )
    return Finding(
        True, f'Every output of {case.plan.version} has bounds, which the guard checks.'
    )


def _baselines(case: Case) -> dict[str, LabResult | None]:
    """Return the lab results that the candidate is compared with, by name."""
    given = case.plan.success_criteria.baseline_success_rate
    if given is not None:
        return {'the baseline of the plan': LabResult(success=given)}
    return {name: case.version(name).lab for name in case.previous}


def _unknown(case: Case, version: str, what: str = '') -> Finding:
    problem = case.version(version).problem
    why = f' ({problem})' if problem else ''
    of = f' {what}' if what else ''
    return Finding(None, f'The lab results of {version}{of} are unknown{why}: {_REMEDY}.')
