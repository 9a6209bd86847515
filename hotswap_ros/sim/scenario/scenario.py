# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Scenario files: a fleet, a plan, the truth, faults, operator actions and the expected end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from hotswap_ros.plan import (
    Duration,
    Plan,
    PlanError,
    Section,
    load_plan,
    parse_text,
    problems_of,
    read_text_file,
)
from hotswap_ros.rollout import Cause, PauseReason, Status, Verb
from hotswap_ros.sim.faults.faults import Fault
from hotswap_ros.sim.virtual import (
    CategoryOutcomes,
    FleetSpec,
    OutcomesError,
    RequestFailures,
    VersionOutcomes,
    load_outcomes,
    plain,
)

#: Causes besides the checks of a gate that can catch a bad version.
BREAKER, LOAD, PEOPLE = 'breaker', 'load', 'people'


class ScenarioError(ValueError):
    """A scenario is missing or invalid; the text names file, field and remedy."""


class Truth(Section):
    """
    Outcomes of tasks with a version: those `measured` of a version, changed by the given fields.

    Without `measured` only the given fields apply: a rate, or categories.
    """

    measured: str | None = None
    success: float | None = Field(None, ge=0.0, le=1.0)
    correlation: float | None = Field(None, ge=0.0, lt=1.0)
    categories: dict[str, CategoryOutcomes] | None = None
    failures: tuple[RequestFailures, ...] | None = None
    agreement: tuple[float, ...] | None = None
    latency: tuple[float, ...] | None = None
    load_s: float | None = Field(None, ge=0.0)
    refused: str | None = None

    @model_validator(mode='after')
    def _has_one_source(self) -> Truth:
        ways = (self.measured, self.success, self.categories)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("give one of 'measured', 'success' and 'categories'")
        return self

    def given(self, version: str) -> str:
        """Return the fields that differ from the measured outcomes; empty: none."""
        fields = type(self).model_fields
        given = [str(fields[n].alias) for n in self.model_fields_set if n != 'measured']
        if self.measured not in (None, version):
            given.append(f'as {self.measured}')
        return ', '.join(sorted(given))

    def outcomes(self, version: str, folder: Path) -> VersionOutcomes:
        """Return the outcomes of a version. Raises OutcomesError."""
        given = self.model_dump(exclude={'measured', 'success'}, exclude_none=True)
        if self.measured is None:
            return plain(version, 1.0 if self.success is None else self.success, **given)
        known = load_outcomes(folder, [self.measured])[self.measured]
        data = {**known.model_dump(), **given, 'version': version}
        if given or version != self.measured:
            data['origin'] = f'{known.origin}, but {", ".join(given) or "its name"} as given'
        return VersionOutcomes.model_validate(data)


class OperatorAction(Section):
    """
    An action of a person, `at` after the start.

    `do` is a verb of a rollout (for `exclude`, with the `robots`), or `order_rollback`: roll
    `robots` (empty: all) back to version `to`. The old name `put_back` is accepted.
    """

    at: Duration
    do: Literal[
        'pause', 'resume', 'approve', 'refuse', 'skip_wait', 'abort', 'rollback', 'set_share',
        'promote', 'exclude', 'order_rollback',
    ]  # fmt: skip
    remark: str = ''
    by: str = ''
    share: float | None = Field(None, ge=0.0, le=1.0)
    to: str = ''
    robots: tuple[str, ...] = ()

    @field_validator('do', mode='before')
    @classmethod
    def _accept_old_name(cls, do: object) -> object:
        return 'order_rollback' if do == 'put_back' else do

    @model_validator(mode='after')
    def _fields_belong(self) -> OperatorAction:
        if (self.share is not None) != (self.do == 'set_share'):
            raise ValueError("'share' and 'set_share' need each other")
        if self.to and self.do != 'order_rollback':
            raise ValueError("'to' belongs to 'order_rollback'")
        if self.robots and self.do not in ('order_rollback', 'exclude'):
            raise ValueError("'robots' belongs to 'order_rollback' and 'exclude'")
        if self.do == 'exclude' and not self.robots:
            raise ValueError("'exclude' needs 'robots': name those to exclude")
        return self

    @property
    def verb(self) -> Verb | None:
        """Return the verb of a rollout; None for `order_rollback`."""
        return None if self.do == 'order_rollback' else Verb(self.do)

    @property
    def given_to(self) -> tuple[str, ...]:
        """Return the robots that the verb is given for one by one; '' stands for the rollout."""
        return self.robots if self.verb is Verb.EXCLUDE else ('',)


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Expected(Section):
    """
    The expected end of a scenario; fields that are not given are not compared.

    `caught_by` is the check that failed, or `breaker`, `load` or `people`; of several, any one.
    `names` is a part of the first hypothesis of the diagnosis, or of the reason without one.
    `served` counts the robots by version at the end; `robots_at_most` and `robots_at_least` bound
    the number of robots that had run the version. `pauses` are all pause reasons, in order.
    `after` and `within` bound the duration of the rollout, `rollback_within` (old name:
    `backWithin`) that of its rollback. `says` are texts that its events contain.
    """

    status: Status
    cause: Cause | None = None
    caught_by: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    names: str | None = None
    served: dict[str, int] = Field(default_factory=dict)
    robots_at_most: int | None = Field(None, ge=0)
    robots_at_least: int | None = Field(None, ge=0)
    stage_at_most: int | None = Field(None, ge=1)
    pauses: tuple[PauseReason, ...] | None = None
    after: Duration | None = None
    within: Duration | None = None
    rollback_within: Duration | None = None
    verdict: str | None = None
    says: tuple[str, ...] = ()

    @model_validator(mode='before')
    @classmethod
    def _accept_old_name(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        old = ('backWithin', 'back_within')
        return {'rollbackWithin' if key in old else key: data[key] for key in data}


class Scenario(Section):
    """
    A rollout to play.

    `source` names its origin. `truth` has the outcomes of versions; others are as measured. The
    rollout may take `limit`; the scenario ends `afterwards` later.
    """

    description: str = Field(min_length=1)
    source: str = ''
    seed: int = 1
    fleet: FleetSpec
    plan: Plan
    truth: dict[str, Truth] = Field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    operator: tuple[OperatorAction, ...] = ()
    limit: Duration
    afterwards: Duration | None = None
    expect: Expected

    @model_validator(mode='before')
    @classmethod
    def _read_plan(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get('plan'), Mapping):
            try:
                return {**data, 'plan': load_plan(json.dumps(data['plan'], default=str))}
            except PlanError as error:
                raise ValueError(f'plan: {error}') from error
        return data

    @property
    def versions(self) -> tuple[str, ...]:
        """Return every version of the scenario, the stable one first."""
        return tuple(dict.fromkeys((self.fleet.stable, self.plan.version, *self.truth)))

    def outcomes(self, folder: Path) -> list[VersionOutcomes]:
        """Return the truth about each version. Raises ScenarioError."""
        try:
            return [
                self.truth.get(version, Truth(measured=version)).outcomes(version, folder)
                for version in self.versions
            ]
        except OutcomesError as error:
            raise ScenarioError(str(error)) from error
        except ValidationError as error:
            raise ScenarioError(f'truth: {"; ".join(problems_of(error))}') from error


def load_scenario(path: Path) -> Scenario:
    """Read a scenario. Raises ScenarioError."""
    try:
        return Scenario.model_validate(parse_text(read_text_file(path)))
    except OSError as error:
        raise ScenarioError(f'{path} cannot be read: {error.strerror or error}') from error
    except ValidationError as error:
        raise ScenarioError(f'{path.name}: {"; ".join(problems_of(error))}') from error
    except (PlanError, ValueError, yaml.YAMLError) as error:
        raise ScenarioError(f'{path.name}: {" ".join(str(error).split())}') from error


def scenarios(folder: Path) -> dict[str, Path]:
    """Return the scenario files of a folder, by name."""
    return {path.stem: path for path in sorted(folder.glob('*.yaml'))}


def find_scenario(folder: Path, name: str) -> Scenario:
    """Read a scenario by name or from a file. Raises ScenarioError."""
    known = scenarios(folder)
    path = known.get(name) or Path(name)
    if name not in known and not path.is_file():
        raise ScenarioError(f"no scenario '{name}' (known: {', '.join(known) or 'none'})")
    return load_scenario(path)
