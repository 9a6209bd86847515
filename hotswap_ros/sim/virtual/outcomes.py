# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Outcomes of tasks with a version, as figures: the truth of a virtual fleet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator
from scipy import optimize, special

from hotswap_ros.models import BINS, LATENCY_EDGES_MS, FailureCause
from hotswap_ros.plan import LabResult, Section, VersionFacts, problems_of

Share = Annotated[float, Field(ge=0.0, le=1.0)]

Seconds = Annotated[float, Field(gt=0.0)]

_BUCKETS = len(LATENCY_EDGES_MS) + 1


class OutcomesError(ValueError):
    """A file of outcomes is invalid; the text names field, value and remedy."""


class CategoryOutcomes(Section):
    """
    Outcomes of the tasks of one category.

    `share` is its share of all tasks. `success` and `stuck` are shares of its tasks, and `errors`
    are the reasons of its failed tasks, as shares of these.
    """

    share: float = Field(1.0, gt=0.0)
    success: Share
    stuck: Share = 0.0
    errors: dict[str, Share] = Field(default_factory=dict)

    @model_validator(mode='after')
    def _stuck_ones_failed(self) -> CategoryOutcomes:
        if self.stuck > 1 - self.success + 1e-9:
            raise ValueError(
                f'stuck is {self.stuck:g}, but only {1 - self.success:g} of the tasks fail: a '
                'stuck task did not succeed'
            )
        return self


class RequestFailures(Section):
    """
    Requests that the guard refuses for one cause.

    `tasks` is the share of affected tasks by category (`''`: every other category), `requests` the
    share of affected requests in such a task, and `breaks` the share of such tasks in which enough
    of them follow each other to open the breaker.
    """

    cause: FailureCause
    tasks: dict[str, Share]
    requests: float = Field(ge=1.0)
    breaks: Share = 0.0


class GivingUp(Section):
    """The reason why robots give a version up, and samples of the `requests` before it."""

    reason: str = Field(min_length=1)
    requests: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1)


class VersionOutcomes(Section):
    """
    Outcomes of tasks with one version, if stable answers for requests that the guard refuses.

    `origin` describes the source of the figures; `digest` is that of the measured model file.
    `success_s` and `failure_s` are durations of tasks in seconds, as quantiles at equal distances;
    `success_progress` and `failure_progress` are the progress that such tasks report, from 0 to 1,
    as quantiles; if both are as they are here, none is reported. A decision is requested every
    `period_s`. `latency` has the share of requests in each bucket of
    LATENCY_EDGES_MS. `agreement` is the share of equal decisions in a task of a shadow, as
    quantiles, and `coverage` the share of observations that a shadow handles. `inputs` has the
    shares of observations between the deciles of the training data, and `lab` the success rates in
    its manifest, by category of its training. `correlation` is that of two tasks of one robot.
    `refused` is the error of a robot that cannot load it.
    """

    version: str = Field(min_length=1)
    origin: str = Field(min_length=1)
    digest: str = ''
    categories: dict[str, CategoryOutcomes] = Field(min_length=1)
    lab: dict[str, Share] = Field(default_factory=dict)
    correlation: float = Field(0.0, ge=0.0, lt=1.0)
    success_s: tuple[Seconds, ...] = (1.0,)
    failure_s: tuple[Seconds, ...] = (1.0,)
    success_progress: tuple[Share, ...] = Field((1.0,), min_length=1)
    failure_progress: tuple[Share, ...] = Field((0.0,), min_length=1)
    period_s: float = Field(0.05, gt=0.0)
    latency: tuple[Share, ...] = (1.0, *[0.0] * (_BUCKETS - 1))
    failures: tuple[RequestFailures, ...] = ()
    agreement: tuple[Share, ...] = (1.0,)
    coverage: Share = 1.0
    inputs: dict[str, tuple[Share, ...]] = Field(default_factory=dict)
    load_s: float = Field(2.0, ge=0.0)
    refused: str = ''
    gives_up: GivingUp | None = None

    @model_validator(mode='after')
    def _shares_are_whole(self) -> VersionOutcomes:
        if len(self.latency) != _BUCKETS or abs(sum(self.latency) - 1) > 1e-3:
            raise ValueError(
                f"'latency' needs {_BUCKETS} shares that add up to 1, these are "
                f'{len(self.latency)} that add up to {sum(self.latency):g}'
            )
        for name, shares in self.inputs.items():
            if len(shares) != BINS or abs(sum(shares) - 1) > 1e-3:
                raise ValueError(f"'inputs' of '{name}' needs {BINS} shares that add up to 1")
        return self

    @property
    def success(self) -> float:
        """Return the share of tasks that succeed, over all categories."""
        whole = sum(one.share for one in self.categories.values())
        return sum(one.share * one.success for one in self.categories.values()) / whole

    @property
    def reports_progress(self) -> bool:
        """Return whether its tasks report how much was done."""
        return self.success_progress != (1.0,) or self.failure_progress != (0.0,)

    @property
    def mean_s(self) -> float:
        """Return the mean duration of a task, in seconds."""
        return self.success * _mean(self.success_s) + (1 - self.success) * _mean(self.failure_s)

    def facts(self) -> VersionFacts:
        """Return the facts in the manifest of the version."""
        lab = None
        if self.lab:
            mean = sum(self.lab.values()) / len(self.lab)
            lab = LabResult(success=mean, success_by_category=dict(self.lab))
        return VersionFacts(lab=lab)


def _mean(quantiles: Sequence[float]) -> float:
    return sum(quantiles) / len(quantiles)


def plain(version: str, success: float, **figures: object) -> VersionOutcomes:
    """Return the outcomes of a version with a success rate, and other `figures`."""
    return VersionOutcomes.model_validate(
        {
            'version': version,
            'origin': 'as given',
            'categories': {'': {'success': success}},
            'success_s': _SPREAD,
            'failure_s': _SPREAD,
            **figures,
        }
    )


#: Durations from half to one and a half times the mean.
_SPREAD = tuple(0.5 + (i + 0.5) / 64 for i in range(64))


def load_outcomes(folder: Path | str, versions: Sequence[str]) -> Mapping[str, VersionOutcomes]:
    """Read the outcomes of versions from `<folder>/<version>.json`. Raises OutcomesError."""
    return {version: _read(Path(folder) / f'{version}.json') for version in versions}


def _read(path: Path) -> VersionOutcomes:
    try:
        return VersionOutcomes.model_validate_json(path.read_text())
    except FileNotFoundError as error:
        there = ', '.join(sorted(one.stem for one in path.parent.glob('*.json'))) or 'none'
        raise OutcomesError(
            f"no outcomes of version '{path.stem}' (known: {there}): measure it with "
            '`python -m hotswap_ros.sim.policies.fit`'
        ) from error
    except OSError as error:
        raise OutcomesError(f'{path} cannot be read: {error.strerror}') from error
    except ValidationError as error:
        raise OutcomesError(f'{path}: {"; ".join(problems_of(error))}') from error


_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)

#: Robots that succeed in nearly all tasks or in nearly none.
_WIDEST = 50.0

_WEIGHTS = _WEIGHTS / math.sqrt(2 * math.pi)


def success_rates(
    versions: Sequence[VersionOutcomes], categories: Sequence[str], skill: NDArray[np.float64]
) -> NDArray[np.float64]:
    """
    Return the success rate by robot, version and category; `skill` is standard normal.

    Mean and intra-robot correlation over all robots are those of the outcomes: with the rate p of
    a robot, the correlation is var(p) / (E(p) (1 - E(p))).
    """
    rates = np.zeros((len(skill), len(versions), len(categories)))
    for index, version in enumerate(versions):
        width = spread(version)
        for column, name in enumerate(categories):
            known = version.categories.get(name)
            # A category without a measurement has the mean rate of the version.
            rate = version.success if known is None else known.success
            rates[:, index, column] = _of(rate, width, skill)
    return rates


def _of(rate: float, width: float, skill: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rate of robots whose mean over the standard normal `skill` is `rate`."""
    if not width or rate in (0, 1):
        return np.full(len(skill), rate)
    middle = special.ndtri(rate) * math.sqrt(1 + width * width)
    return np.asarray(special.ndtr(middle + width * skill))


def spread(version: VersionOutcomes) -> float:
    """Return the standard deviation of the effect that gives a version its correlation."""
    rate, correlation = version.success, version.correlation
    if not 0 < rate < 1 or not correlation:
        return 0.0
    parts = [(one.share, one.success) for one in version.categories.values()]
    whole = sum(share for share, _ in parts)

    def excess(width: float) -> float:
        found = sum((share * _of(one, width, _NODES) for share, one in parts), np.zeros(1)) / whole
        return float(_WEIGHTS @ (found - rate) ** 2) / (rate * (1 - rate)) - correlation

    if excess(_WIDEST) <= 0:
        return _WIDEST
    return float(optimize.brentq(excess, 0.0, _WIDEST))
