# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tables in JSON: one object per line, or one list of objects."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from hotswap_ros.gates.analysis import AnalysisError

_BUFFER_BYTES = 1 << 18


def json_objects(file: Any, name: str, encoding: str) -> Iterator[dict[str, str] | None]:
    """
    Yield the objects of JSON lines, or of one JSON array, with their values as text.

    None at the end: the last line is cut off, because its writer was stopped.
    """
    text = io.TextIOWrapper(io.BufferedReader(file, _BUFFER_BYTES), encoding=encoding)
    first = next((line for line in text if line.strip()), '')
    second = next(text, '')
    if first.lstrip().startswith('[') or first.strip() == '{' or not second:
        yield from _whole_json(first + second + text.read(), name)
        return
    for number, line in enumerate(chain([first, second], text), start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            if not line.endswith('\n'):
                yield None
                return
            raise AnalysisError(f'{name}, line {number}: no JSON object: {error}') from error
        yield _flat(found, name, number)


def _whole_json(text: str, name: str) -> Iterator[dict[str, str]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AnalysisError(f'{name} is no JSON: {error}') from error
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list) and value]
        lists = [value for value in lists if isinstance(value[0], dict)]
        if len(lists) > 1:
            raise AnalysisError(f'{name} has several lists: write one JSON object per line')
        found = lists[0] if lists else [found]
    for number, one in enumerate(found, start=1):
        yield _flat(one, name, number)


def _flat(found: Any, name: str, number: int, above: str = '') -> dict[str, str]:
    if not isinstance(found, dict):
        raise AnalysisError(f'{name}, entry {number}: {str(found)[:40]!r} is no JSON object')
    flat: dict[str, str] = {}
    for title, value in found.items():
        if isinstance(value, dict):
            flat |= _flat(value, name, number, f'{above}{title}.')
        elif value is None:
            flat[f'{above}{title}'] = ''
        elif not isinstance(value, list):
            text = value if isinstance(value, str) else json.dumps(value)
            flat[f'{above}{title}'] = text.strip()
    return flat
