# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The table of what tasks report beside their success."""

from __future__ import annotations

import math

from hotswap_ros.cli.views.document import Grid, Part, Remarks
from hotswap_ros.gates.analysis import Analysis, FigureDifference
from hotswap_ros.text import evidence_words, p_words


def figures_grid(report: Analysis) -> list[Part]:
    """Return the comparison of progress, duration and interventions of an A/B report."""
    headers = ['mean of', 'control', 'tasks', 'candidate', 'tasks', 'difference', 'interval']
    headers += ['worse', 'evidence of a gate']
    remark = (
        'Each in the strata of the comparison of success. p values are one-sided, of "not worse", '
        f'with the limit {report.figures[0].limit:.4g}; an interval excludes zero where the p '
        'value decides.'
    )
    return [Grid(headers, [_row(one) for one in report.figures]), Remarks([remark])]


def _row(found: FigureDifference) -> list[str]:
    low, high = found.interval
    evidence = '–'
    if not math.isnan(found.evidence):
        evidence = evidence_words(found.evidence, found.evidence_limit)
    return [
        found.name,
        f'{found.control:.4g}{found.unit}',
        f'{found.n_control:,}',
        f'{found.candidate:.4g}{found.unit}',
        f'{found.n:,}',
        f'{found.difference:+.4g}{found.unit}',
        f'{low:+.4g} to {high:+.4g}',
        p_words(found.p_value),
        evidence,
    ]
