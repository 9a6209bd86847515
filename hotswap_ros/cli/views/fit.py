# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pictures that fit a terminal: parts in several degrees of detail, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, RenderableType


@dataclass(frozen=True)
class Part:
    """
    A part of a picture, in its forms from the most detailed to the most condensed.

    The part with the lowest `rank` is condensed first.
    """

    forms: Sequence[RenderableType]
    rank: int = 0


def fit(console: Console, parts: Sequence[Part], width: int, height: int) -> list[RenderableType]:
    """
    Return a form of each part so that all of them together have at most `height` lines.

    Parts are condensed by one form at a time, in the order of their ranks. If the most condensed
    forms are still too high, they are returned.
    """
    options = console.options.update(width=width, height=None)
    heights = [
        [len(console.render_lines(form, options, pad=False)) for form in part.forms]
        for part in parts
    ]
    chosen = [0] * len(parts)
    order = sorted(range(len(parts)), key=lambda index: parts[index].rank)
    while sum(heights[i][form] for i, form in enumerate(chosen)) > height:
        # The part that was condensed least goes first, so that no part loses everything alone.
        left = [i for i in order if chosen[i] + 1 < len(parts[i].forms)]
        if not left:
            break
        chosen[min(left, key=lambda i: (chosen[i], parts[i].rank))] += 1
    return [part.forms[form] for part, form in zip(parts, chosen)]
