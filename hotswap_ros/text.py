# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Figures, names and lists as people read them; every room writes them the same way."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sized

#: Six digits of a percentage show a smaller rate as zero.
_SMALLEST_RATE = 5e-9


def counted(robots: Sized) -> str:
    """Write a number of robots for people."""
    return '1 robot' if len(robots) == 1 else f'{len(robots)} robots'


def few(names: Iterable[str], most: int = 5) -> str:
    """Write names for people, the first `most` of them."""
    known = list(names)
    more = len(known) - most
    return ', '.join(known[:most]) + (f' and {more} more' if more > 0 else '')


def shortened(text: str, most: int) -> str:
    """Write a text of at most `most` characters; the middle of a longer one is left out."""
    if len(text) <= most:
        return text
    head, tail = (most - 3) * 2 // 3, (most - 3) // 3
    return f'{text[:head]} … {text[len(text) - tail :]}'


def plain(text: str, most: int) -> str:
    """
    Write somebody's text in at most `most` characters on one line, with nothing but print.

    What steers a terminal (escapes, other directions of writing) is written as a code.
    """
    # Cut first: a text of megabytes is not looked at as a whole.
    text = shortened(text, most)
    if text.isprintable():
        return text
    shown = ''.join(c if c.isprintable() else ' ' if c in '\n\r\t' else _code(c) for c in text)
    return shortened(shown, most)


def _code(character: str) -> str:
    return character.encode('unicode_escape', 'backslashreplace').decode('ascii')


def percent(rate: float) -> str:
    """Write a rate for people; a small rate with enough digits to be told from zero."""
    if rate < _SMALLEST_RATE or rate >= 0.01:
        return f'{100 * rate:.1f}%'
    digits = min(6, 1 - math.floor(math.log10(100 * rate)))
    return f'{100 * rate:.{digits}f}%'


def count(number: int, noun: str) -> str:
    """Write a number of things for people."""
    return f'{number:,} {noun}' if number == 1 else f'{number:,} {noun}s'


def points(drop: float) -> str:
    """Write a difference of rates for people."""
    return f'{100 * drop:.1f} points'


def change(drop: float) -> str:
    """Write which way and how far the candidate's rate is off."""
    size = abs(round(100 * drop, 1))
    if size == 0:
        return 'equal'
    return f'{size:.1f} points {"worse" if drop > 0 else "better"}'


def span(low: float, high: float) -> str:
    """Write the bounds of a drop; one word for both where they lie on one side."""
    low, high = round(100 * low, 1) / 100, round(100 * high, 1) / 100
    if low * high > 0:
        first, last = sorted((abs(low), abs(high)))
        return f'{100 * first:.1f} to {change(last if low > 0 else -last)}'
    return f'{change(low)} to {change(high)}'


def evidence_words(evidence: float, limit: float) -> str:
    """Write how strong the evidence is and how strong it has to be."""
    return f'evidence {evidence:,.3g}, limit {limit:,.3g}'


def size_words(size_bytes: float) -> str:
    """Write a size."""
    for unit, power in (('GB', 9), ('MB', 6), ('kB', 3)):
        if size_bytes >= 10**power:
            return f'{size_bytes / 10**power:.3g} {unit}'
    return f'{size_bytes:.0f} bytes'


def time_words(seconds: float) -> str:
    """Write a length of time."""
    for unit, length in (('d', 86_400), ('h', 3600), ('min', 60)):
        if seconds >= 2 * length:
            return f'{seconds / length:.3g} {unit}'
    return f'{seconds:.2g} s' if seconds < 10 else f'{seconds:.0f} s'


def megabytes(size: int) -> str:
    """Write a size in bytes for people."""
    return f'{size / 1e6:.0f} MB'


def skew_words(skew_s: float) -> str:
    """Write how wrong a clock is."""
    return f'{time_words(abs(skew_s))} {"ahead" if skew_s > 0 else "behind"}'


def none_confirmed(seconds: float, unreachable: int) -> str:
    """Write that no robot confirmed a rollback, and how many of them were unreachable."""
    text = f'no robot confirmed the rollback within {seconds:.2f} s'
    return text + (f', {unreachable} of them unreachable' if unreachable else '')


def unconfirmed(robots: Collection[str]) -> str:
    """Write which robots have not confirmed a rollback."""
    has, reconnect = ('has', 'it reconnects') if len(robots) == 1 else ('have', 'they reconnect')
    what = f'{has} not confirmed the rollback (retried when {reconnect})'
    return f'{counted(robots)} {what}: {", ".join(robots)}'


def p_words(p_value: float) -> str:
    """Write a p value."""
    return 'p < 0.0001' if p_value < 1e-4 else f'p = {p_value:.4f}'
