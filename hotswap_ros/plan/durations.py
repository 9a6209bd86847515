# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Durations in plans: ISO 8601 of weeks, days and smaller units, or a number of seconds."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    WrapSerializer,
)

#: The context in which a plan is read that this package itself wrote: years are 365 days there.
AS_STORED: Final = {'stored': True}

_NUMBER = r'\d+(?:[.,]\d+)?'
_ISO_8601: Final = re.compile(
    rf'P(?!$)(?:{_NUMBER}W)?(?:{_NUMBER}D)?'
    rf'(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?'
)
_MONTHS_OR_YEARS: Final = re.compile(r'P[^T]*[MY]')
_YEARS: Final = re.compile(r'P(\d+)Y(?:(\d+)D)?')


def _is_a_fixed_time(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str) or (info.context or {}).get('stored'):
        return value
    if _MONTHS_OR_YEARS.match(value):
        raise ValueError(
            f"'{value}' has months or years, which differ in length: write days, such as 'P30D', "
            "or 'PT1M' for one minute"
        )
    if not _ISO_8601.fullmatch(value):
        raise ValueError(
            f"must be a duration: write 'PT15M', or a number of seconds (found {value!r})"
        )
    return value


def _in_days(value: timedelta, written: SerializerFunctionWrapHandler) -> Any:
    """Write years, which pydantic writes for 365 days, as days."""
    text = written(value)
    if not isinstance(text, str):
        return text
    return _YEARS.sub(lambda found: f'P{value.days}D', text)


#: ISO 8601 ("PT15M") or a number of seconds.
Duration = Annotated[
    timedelta,
    Field(ge=timedelta(0)),
    BeforeValidator(_is_a_fixed_time),
    WrapSerializer(_in_days, when_used='json'),
]
