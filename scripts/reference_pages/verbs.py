# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The verbs of an operator, and when each status of a rollout allows them."""

from __future__ import annotations

from hotswap_ros.rollout import verb_table
from reference_pages.markdown import code, table

_REFUSED = 'no'


def verbs() -> str:
    """Return the table, without the statuses that allow no verb: a sentence names these."""
    (_, *statuses), *rows = verb_table()
    columns = list(zip(*(cells for _, *cells in rows), strict=True))
    ended = [one for one, cells in zip(statuses, columns, strict=True) if {*cells} == {_REFUSED}]
    head = ['verb', *(code(status) for status in statuses if status not in ended)]
    lines = [
        [code(verb.replace('_', '-')), *_kept(cells, statuses, ended)] for verb, *cells in rows
    ]
    return f'{table(head, lines)}\n\nNo verb is allowed in {", ".join(map(code, ended))}.'


def _kept(cells: list[str], statuses: list[str], ended: list[str]) -> list[str]:
    return [
        '' if cell == _REFUSED else cell
        for cell, status in zip(cells, statuses, strict=True)
        if status not in ended
    ]
