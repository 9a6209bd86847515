# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of keys, from the pydantic models that read plans, manifests and scenarios."""

from __future__ import annotations

import enum
import json
import types
from datetime import timedelta
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import hotswap_ros.models
import hotswap_ros.plan
import hotswap_ros.policies
import hotswap_ros.sim
import hotswap_ros.sim.scenario
import hotswap_ros.sim.virtual
from reference_pages import descriptions
from reference_pages.markdown import code, table

_ROOMS = (
    hotswap_ros.plan,
    hotswap_ros.models,
    hotswap_ros.sim,
    hotswap_ros.sim.scenario,
    hotswap_ros.policies,
    hotswap_ros.sim.virtual,
)
_NAMES = {int: 'integer', float: 'number', bool: '`true` or `false`', str: 'text', Any: 'any'}
#: Types whose section is not on the page of those that hold them.
_ELSEWHERE = {
    'Checklist': 'checklist.md#checklist-keys',
    'FaultKind': 'simulated_robots.md#faults',
    'Item': 'checklist.md#items',
}
_BOUNDS = {'ge': '≥', 'gt': '>', 'le': '≤', 'lt': '<'}


def keys(name: str) -> str:
    """Return the table of the keys that a model adds to those of every plan."""
    model = known_models()[name]
    common = hotswap_ros.plan.BasePlan
    own = issubclass(model, common) and model is not common
    rows = [
        _row(model, key, field)
        for key, field in model.model_fields.items()
        if not (own and key in common.model_fields)
    ]
    return table(('key', 'type', 'default', 'meaning'), rows)


def known_models() -> dict[str, type[BaseModel]]:
    """Return the public models, and those below them, by name."""
    known: dict[str, type[BaseModel]] = {}
    for room in _ROOMS:
        for one in (getattr(room, name) for name in room.__all__):
            if isinstance(one, type) and issubclass(one, BaseModel):
                _collect(one, known)
    return known


def _collect(model: type[BaseModel], known: dict[str, type[BaseModel]]) -> None:
    if known.setdefault(model.__name__, model) is not model:
        return
    for field in model.model_fields.values():
        for part in _parts(field.annotation):
            if part.__name__ not in known:
                _collect(part, known)


def _parts(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that a type may be or hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _parts(part)]


def _row(model: type[BaseModel], key: str, field: FieldInfo) -> tuple[str, str, str, str]:
    kind = ', '.join([_type(field.annotation), *_bounds(field)])
    return code(field.alias or key), kind, _default(field), descriptions.of_key(model, key)


def _type(annotation: Any) -> str:
    """Return a type in words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return ', '.join([_type(arguments[0]), *_limits(arguments[1:])])
    if origin in (Union, types.UnionType):
        return _choice([part for part in arguments if part is not type(None)])
    if origin is Literal:
        return ', '.join(code(_plain(value)) for value in arguments)
    if origin is tuple:
        return f'list of {_type(arguments[0])}'
    if origin is dict:
        return f'mapping of {_type(arguments[0])} to {_type(arguments[1])}'
    return _simple(annotation)


def _choice(parts: list[Any]) -> str:
    """Return one of several types in words; one of the strategies is a plan."""
    models = [model for part in parts for model in _parts(part)]
    if len(models) > 1 and all(issubclass(model, hotswap_ros.plan.BasePlan) for model in models):
        return '[plan](plan.md)'
    return ' or '.join(_type(part) for part in parts)


def _simple(annotation: Any) -> str:
    if not isinstance(annotation, type) or annotation in _NAMES:
        return _NAMES.get(annotation, str(annotation))
    if issubclass(annotation, enum.Enum):
        if annotation.__name__ in _ELSEWHERE:
            return _link(annotation)
        return ', '.join(code(member.value) for member in annotation)
    if issubclass(annotation, timedelta):
        return 'duration'
    return _link(annotation) if issubclass(annotation, BaseModel) else annotation.__name__


def _link(kind: type) -> str:
    """Return the name of a type as a link to the section of that name."""
    name = kind.__name__
    return f'[{name}]({_ELSEWHERE.get(name, "#" + name.lower())})'


def _bounds(field: FieldInfo) -> list[str]:
    return _limits(tuple(field.metadata))


def _limits(metadata: tuple[Any, ...]) -> list[str]:
    """Return the bounds of a number or a duration; what holds of every duration is left out."""
    found = []
    for one in metadata:
        one_by_one = one.metadata if isinstance(one, FieldInfo) else [one]
        for limit in one_by_one:
            for name, sign in _BOUNDS.items():
                bound = getattr(limit, name, None)
                if bound is not None and bound != timedelta(0):
                    found.append(f'{sign} {_plain(bound)}')
    return found


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return 'required'
    value = field.default
    if value is None or value is PydanticUndefined or value in ('', ()):
        return ''
    return '' if isinstance(value, BaseModel) else code(_plain(value))


def _plain(value: Any) -> str:
    """Return a value as a plan would write it."""
    dumped = TypeAdapter(Any).dump_python(value, mode='json')
    if isinstance(dumped, float):
        return f'{dumped:.12g}'
    return dumped if isinstance(dumped, str) else json.dumps(dumped).replace('"', '')
