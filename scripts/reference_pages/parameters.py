# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of node parameters, from the dataclasses that declare them."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from typing import Any

from reference_pages.markdown import code, prose, table

_TYPES = {
    'bool': 'bool',
    'int': 'integer',
    'float': 'double',
    'str': 'string',
    'tuple[str, ...]': 'string[]',
}


def parameters(name: str) -> str:
    """Return the table of the parameters that a dataclass declares."""
    rows = [_row(field) for field in dataclasses.fields(_dataclass(name))]
    return table(('parameter', 'type', 'default', 'range', 'meaning'), rows)


def _dataclass(name: str) -> Any:
    """Find a dataclass of parameters among the nodes; rclpy must be there."""
    import hotswap_ros.nodes
    import hotswap_ros.sim.nodes

    for room in (hotswap_ros.nodes, hotswap_ros.sim.nodes):
        for module in pkgutil.walk_packages(room.__path__, f'{room.__name__}.'):
            found = getattr(importlib.import_module(module.name), name, None)
            if found is not None:
                return found
    raise LookupError(f'no node declares {name}')


def _row(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    low, high = field.metadata['low'], field.metadata['high']
    bounds = '' if low is None else f'{_number(low)} to {_number(high)}'
    kind = _TYPES[str(field.type)]
    meaning = prose(field.metadata['description'])
    return code(field.name), kind, _default(field.default), bounds, meaning


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, tuple):
        return code('[' + ', '.join(value) + ']')
    return code(value) if value != '' else ''


def _number(value: float) -> str:
    return (
        f'{value:,}' if isinstance(value, int) else f'{value:,g}' if value < 1e6 else f'{value:g}'
    )
