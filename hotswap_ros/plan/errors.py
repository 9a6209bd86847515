# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The error of plans, and the remedy for a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from hotswap_ros.limits import PROBLEM_CHARACTERS, PROBLEMS
from hotswap_ros.text import shortened


class PlanError(Exception):
    """
    The text is not a plan, or the plan does not fit the fleet.

    `problems` has one sentence for each problem: the field, the problem, the remedy. Sentences and
    their number are bounded, as they repeat what was written.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = bounded(problems)
        super().__init__('; '.join(self.problems))


def bounded(problems: list[str]) -> list[str]:
    """Return sentences about one input, shortened, and not more of them than PROBLEMS."""
    found = [shortened(problem, PROBLEM_CHARACTERS) for problem in problems[:PROBLEMS]]
    if len(problems) > PROBLEMS:
        found.append(f'and {len(problems) - PROBLEMS} more problems')
    return found


def refuse_unknown(names: Iterable[str], known: Collection[str], problem: str) -> None:
    """Raise PlanError for the unknown names; `problem` is the sentence, with {} for the name."""
    problems = [
        f'{problem.format(name)}: {names_near(name, known)}' for name in names if name not in known
    ]
    if problems:
        raise PlanError(problems)


def names_near(wanted: str, known: Iterable[str]) -> str:
    """Return a remedy that lists the known names nearest to `wanted`, or else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
    if near:
        return f'did you mean {" or ".join(near)}?'
    shown = ', '.join(names[:10]) + (' …' if len(names) > 10 else '')
    return f'known: {shown}' if names else 'none is known'
