# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The base class of all parts of a plan: two spellings of each key, and no unknown key."""

from __future__ import annotations

import difflib
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel


class Section(BaseModel):
    """A mapping in a plan file; its keys may be written in camelCase or in snake_case."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra='forbid',
        frozen=True,
        allow_inf_nan=False,
    )

    @model_validator(mode='before')
    @classmethod
    def _keys_are_known(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        spellings = {name: name for name in cls.model_fields}
        spellings |= {to_camel(name): name for name in cls.model_fields}
        seen: dict[str, str] = {}
        for key in data:
            name = spellings.get(key)
            if name is None:
                raise ValueError(f"unknown key '{key}': {cls._remedy(key, spellings)}")
            if name in seen:
                raise ValueError(f"'{seen[name]}' and '{key}' are the same key: write it once")
            seen[name] = key
        return data

    @field_validator('*', mode='before')
    @classmethod
    def _yes_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        # YAML reads "yes" and "on" as true, which would otherwise pass for 1, and 1 for true.
        is_yes_or_no = cls.model_fields[str(info.field_name)].annotation is bool
        if is_yes_or_no and not isinstance(value, bool):
            raise ValueError(f"must be 'true' or 'false' (found {value!r})")
        if isinstance(value, bool) and not is_yes_or_no:
            raise ValueError(f"must not be '{'yes' if value else 'no'}': write a value")
        return value

    @classmethod
    def _remedy(cls, key: object, spellings: dict[str, str]) -> str:
        """Return the remedy for an unknown key."""
        homes = [to_camel(name) for name in cls.model_fields if key in cls._keys_below(name)]
        if homes:
            return f"it belongs under '{homes[0]}'"
        near = difflib.get_close_matches(str(key), spellings, n=1, cutoff=0.5)
        known = ', '.join(to_camel(name) for name in dict.fromkeys(spellings.values()))
        return f"did you mean '{near[0]}'?" if near else f'known: {known}'

    @classmethod
    def _keys_below(cls, name: str) -> set[str]:
        """Return the keys of the sections that a field may hold, in both spellings."""
        fields = [one for found in _sections(cls.model_fields[name].annotation) for one in found]
        return {*fields, *map(to_camel, fields)}


def _sections(annotation: Any) -> list[Any]:
    """Return the fields of each section that a type may be or hold."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation.model_fields]
    return [found for part in get_args(annotation) for found in _sections(part)]
