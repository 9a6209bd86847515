# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parameters as data: a frozen dataclass says type, default, description and range of each."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

T = TypeVar('T')


def parameter(default: Any, description: str, *, low: Any = None, high: Any = None) -> Any:
    """Return a dataclass field for a parameter; `low` and `high` bound a number together."""
    metadata = {'description': description, 'low': low, 'high': high}
    return dataclasses.field(default=default, metadata=metadata)


def declare(node: Node, kind: type[T]) -> T:
    """
    Declare every field of the dataclass `kind` as a read-only parameter and return the values.

    The range is in the descriptor, so that ROS itself refuses a value outside it and
    `ros2 param describe` explains the parameter. Declaring again returns the values as they are.
    """
    values = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if not node.has_parameter(field.name):
            node.declare_parameter(field.name, _default(field), _descriptor(field))
        value = node.get_parameter(field.name).value
        values[field.name] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


def _default(field: dataclasses.Field[Any]) -> Any:
    return list(field.default) if isinstance(field.default, tuple) else field.default


def _descriptor(field: dataclasses.Field[Any]) -> ParameterDescriptor:
    low, high = field.metadata['low'], field.metadata['high']
    descriptor = ParameterDescriptor(description=field.metadata['description'], read_only=True)
    if isinstance(low, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif isinstance(low, int):
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
    return descriptor
