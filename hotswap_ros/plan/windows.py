# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Deployment windows: the hours in which a rollout may start and advance."""

from __future__ import annotations

import enum
from datetime import datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from hotswap_ros.plan.section import Section


class Day(str, enum.Enum):
    """Days of the week, Monday first."""

    MONDAY = 'mon'
    TUESDAY = 'tue'
    WEDNESDAY = 'wed'
    THURSDAY = 'thu'
    FRIDAY = 'fri'
    SATURDAY = 'sat'
    SUNDAY = 'sun'


class DeploymentWindow(Section):
    """
    Hours of some days, in a time zone, from `start` until just before `end`.

    A window that ends before it starts continues past midnight, and belongs to the day on which it
    starts.
    """

    days: tuple[Day, ...] = Field(tuple(Day), description='Days on which the window begins.')
    start: time = Field(
        time(0), description="Time of day at which the window opens, in quotes: `'22:00'`."
    )
    end: time = Field(
        time(0),
        description=(
            'Time of day at which the window closes. An end before the start means the next day.'
        ),
    )
    timezone: str = Field('UTC', description='Name of the time zone, such as `Europe/Berlin`.')

    @field_validator('start', 'end', mode='before')
    @classmethod
    def _is_a_time_of_day(cls, value: object) -> object:
        # YAML reads 22:30 as a number of base 60.
        if isinstance(value, (int, float)):
            raise ValueError(f"{value} is not a time of day: write it in quotes, such as '22:30'")
        return value

    @field_validator('start', 'end')
    @classmethod
    def _has_no_zone(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise ValueError("must have no offset: write the time zone in 'timezone'")
        return value

    @model_validator(mode='after')
    def _can_be_open(self) -> DeploymentWindow:
        if not self.days:
            raise ValueError("'days' is empty, so the window never opens: add days, or remove it")
        try:
            _zone(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                f"'timezone' is '{self.timezone}', which this machine does not know: write a name "
                "such as 'Europe/Berlin' or 'UTC', or install 'tzdata' if it knows none"
            ) from error
        return self

    def is_open(self, now: float) -> bool:
        """Return whether the window is open at a time, in seconds since 1970."""
        local = datetime.fromtimestamp(now, _zone(self.timezone))
        clock = local.time()
        days = tuple(Day)
        today, yesterday = days[local.weekday()], days[(local - timedelta(days=1)).weekday()]
        if self.start < self.end:
            return today in self.days and self.start <= clock < self.end
        return (today in self.days and clock >= self.start) or (
            yesterday in self.days and clock < self.end
        )

    def __str__(self) -> str:
        days = (
            '' if len(self.days) == len(Day) else f'{", ".join(day.value for day in self.days)} '
        )
        return f'{days}{self.start:%H:%M} to {self.end:%H:%M} {self.timezone}'


def _zone(name: str) -> tzinfo:
    """Return a time zone. Raises ZoneInfoNotFoundError, ValueError or OSError."""
    # A small container has no database of time zones; UTC needs none.
    return timezone.utc if name == 'UTC' else ZoneInfo(name)
