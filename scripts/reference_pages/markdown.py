# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pieces of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join('| ' + ' | '.join(map(_cell, line)) + ' |' for line in lines)


def code(text: object) -> str:
    """Return text as code."""
    return f'`{text}`'


def prose(text: str) -> str:
    """Return plain text so that it reads the same as Markdown; code stays as it is."""
    parts = re.split(r'(`[^`]*`)', text)
    parts[::2] = [part.replace('<', '&lt;').replace('*', r'\*') for part in parts[::2]]
    return ''.join(parts)


def _cell(text: str) -> str:
    return ' '.join(text.replace('|', r'\|').split())
