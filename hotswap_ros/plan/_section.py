# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What all parts of a plan have in common: two spellings, and no key that is not known."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator
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
                raise ValueError(_unknown_key(key, spellings))
            if name in seen:
                raise ValueError(f"'{seen[name]}' and '{key}' are one key: write it once")
            seen[name] = key
        return data

    @field_validator('*', mode='before')
    @classmethod
    def _yes_is_no_number(cls, value: Any) -> Any:
        # YAML reads "yes" and "on" as true, which would otherwise pass for 1.
        if isinstance(value, bool):
            raise ValueError(f"must not be '{'yes' if value else 'no'}': write a value")
        return value


def _unknown_key(key: object, spellings: dict[str, str]) -> str:
    near = difflib.get_close_matches(str(key), spellings, n=1, cutoff=0.5)
    known = ', '.join(to_camel(name) for name in dict.fromkeys(spellings.values()))
    remedy = f"did you mean '{near[0]}'?" if near else f'known here: {known}'
    return f"unknown key '{key}': {remedy}"
