# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parameters as data: a frozen dataclass with type, default, description and range of each."""

from __future__ import annotations

import array
import dataclasses
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

T = TypeVar('T')


class ParameterError(ValueError):
    """A parameter has an invalid value; the text names both."""


def parameter(default: Any, description: str, *, low: Any = None, high: Any = None) -> Any:
    """Return a dataclass field for a parameter; `low` and `high` bound a number together."""
    metadata = {'description': description, 'low': low, 'high': high}
    return dataclasses.field(default=default, metadata=metadata)


def declare(node: Node, kind: type[T]) -> T:
    """
    Declare every field of the dataclass `kind` as a read-only parameter and return the values.

    The range is in the descriptor, so that ROS itself refuses a value outside it and
    `ros2 param describe` explains the parameter. Declaring again returns the values as they are.
    Raises ParameterError.
    """
    values = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if not node.has_parameter(field.name):
            _declare(node, field)
        values[field.name] = _value(node, field.name)
    return kind(**values)


def _declare(node: Node, field: dataclasses.Field[Any]) -> None:
    default, descriptor = _default(field), _descriptor(field)
    if isinstance(default, list) and _given(node, field) is None:
        node.declare_parameter(field.name, [''], descriptor, ignore_override=True)
        return
    refused = (InvalidParameterTypeException, InvalidParameterValueException)
    try:
        node.declare_parameter(field.name, default, descriptor)
    except refused as error:
        given = _given(node, field)
        # People write 4 for 4.0, and YAML reads an integer.
        if isinstance(default, float) and type(given) is int:
            given = float(given)
            try:
                node.declare_parameter(field.name, given, descriptor, ignore_override=True)
                return
            except refused:
                pass
        raise ParameterError(
            f"parameter '{field.name}' is {given!r}, but must be {_range(field)}"
        ) from error


def _given(node: Node, field: dataclasses.Field[Any]) -> Any:
    """
    Return the value from the command line, a parameters file or a launch file, or the default.

    An empty list is None: ROS cannot tell its type.
    """
    any_type = ParameterDescriptor(dynamic_typing=True)
    node.declare_parameter(field.name, _default(field), any_type)
    value = node.get_parameter(field.name).value
    node.undeclare_parameter(field.name)
    return list(value) if isinstance(value, array.array) else value


def _value(node: Node, name: str) -> Any:
    value = node.get_parameter(name).value
    # [''] stands for the empty list, which ROS cannot store.
    return tuple(filter(None, value)) if isinstance(value, list) else value


def _range(field: dataclasses.Field[Any]) -> str:
    kinds = {bool: 'true or false', int: 'an integer', float: 'a number', str: 'a string'}
    text = kinds.get(type(field.default), 'a list of strings')
    if field.metadata['low'] is not None:
        low, high = (f'{field.metadata[end]:.12g}' for end in ('low', 'high'))
        text += f' from {low} to {high}'
    return text


def _default(field: dataclasses.Field[Any]) -> Any:
    return list(field.default) or [''] if isinstance(field.default, tuple) else field.default


def _descriptor(field: dataclasses.Field[Any]) -> ParameterDescriptor:
    low, high = field.metadata['low'], field.metadata['high']
    descriptor = ParameterDescriptor(description=field.metadata['description'], read_only=True)
    if isinstance(low, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif isinstance(low, int):
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
    return descriptor
