# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The condition of a promotion: a proof, or no harm shown; and what a proof may cost."""

from __future__ import annotations

import enum
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from hotswap_ros.plan.durations import Duration
from hotswap_ros.plan.section import Section


class PromoteOn(str, enum.Enum):
    """
    What promotes a version.

    PROVEN: that it is at most `max_success_drop` worse is shown beyond chance. NO_HARM: that it is
    worse is not shown. With few tasks the second says little.
    """

    PROVEN = 'proven'
    NO_HARM = 'noHarm'


class ProofBudget(Section):
    """How far the last stage goes on for a proof; at the first of both limits it is over."""

    tasks: int = Field(
        5000, ge=1, description='Tasks that the candidate may finish beyond those of the stage.'
    )
    duration: Annotated[Duration, Field(gt=timedelta(0))] = Field(
        timedelta(days=7), description='Time beyond that of the stage.'
    )
