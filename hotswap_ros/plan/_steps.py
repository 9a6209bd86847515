# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The few kinds of step that every strategy compiles to. One step, one action."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Step(BaseModel):
    """`robots` is the step's cohort; `title` says for people what the step does."""

    model_config = ConfigDict(extra='forbid', frozen=True)

    title: str
    robots: tuple[str, ...]


class StageModels(_Step):
    """Bring the version to READY on every robot of the cohort; nothing serves it yet."""

    kind: Literal['stage_models'] = 'stage_models'
    timeout_s: float


class SetRouting(_Step):
    """
    Let the cohort serve the version and wait until it reports so.

    Below `promote`, the version is a candidate for `candidate_share` of the tasks; with `promote`
    it becomes the stable version of the cohort.
    """

    kind: Literal['set_routing'] = 'set_routing'
    candidate_share: float
    promote: bool = False
    timeout_s: float


class Observe(_Step):
    """Watch until the gate finds harm, or `tasks` candidate tasks and `duration_s` are in."""

    kind: Literal['observe'] = 'observe'
    tasks: int
    duration_s: float
    timeout_s: float


Step = Annotated[StageModels | SetRouting | Observe, Field(discriminator='kind')]
