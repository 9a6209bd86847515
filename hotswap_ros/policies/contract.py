# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The contract of a type of robot: its topics as observations, and decisions as commands."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hotswap_ros.limits import PROBLEM_CHARACTERS, TENSORS
from hotswap_ros.models import DType, Manifest
from hotswap_ros.plan.errors import PlanError
from hotswap_ros.plan.yaml_text import parse_text, read_text_file
from hotswap_ros.policies.message_types import DEFAULT_FIELDS, IMAGES, JOINTS
from hotswap_ros.text import few, shortened

_Seconds = Annotated[float, Field(gt=0, le=3600)]
_Names = Annotated[tuple[str, ...], Field(max_length=1000)]


class ContractError(Exception):
    """A contract that cannot be used; the message names the key, the value and the remedy."""


class Align(str, Enum):
    """Which message of a topic belongs to an observation."""

    HOLD = 'hold'  # the newest one, as long as it is not too old
    AS_OF = 'as_of'  # the newest one that is not newer than those of the other topics
    DROP = 'drop'  # one that no observation has had


class Stop(str, Enum):
    """What a robot is told while there is no decision."""

    NONE = 'none'  # nothing
    HOLD = 'hold'  # its last command again
    SAFE = 'safe'  # the safe decision of the stable version


class _Part(BaseModel):
    model_config = ConfigDict(extra='forbid', frozen=True, allow_inf_nan=False)


class _Term(_Part):
    """
    One tensor and its topic.

    `joints` are the joints of a message with names, in the order of the tensor; `fields` are the
    fields of another message, such as `pose.position.x`.
    """

    topic: str = Field(min_length=1, max_length=256)
    type: str = Field(pattern=r'^[a-z][a-z0-9_]*/msg/[A-Za-z][A-Za-z0-9]*$')
    joints: _Names = ()
    fields: _Names = ()

    @model_validator(mode='after')
    def _is_readable(self) -> _Term:
        if self.type in JOINTS and not self.joints:
            raise ValueError(f"'joints' is missing: {self.type} names joints, say which ones")
        known = self.type in JOINTS or self.type in IMAGES or self.type in DEFAULT_FIELDS
        if not known and not self.fields:
            raise ValueError(
                f"'fields' is missing: say which fields of {self.type} are the tensor, such as "
                "'data' or 'pose.position.x'"
            )
        return self


class ObservationTerm(_Term):
    """
    An input of versions.

    `quantity` of joints is `position`, `velocity` or `effort`; `encoding` is that of an image.
    A message counts for `max_age_s` after it came; `align` and `tolerance_s` (in s, of stamps) say
    which one is taken. `shape` is that of the tensor, where versions take another one than the
    message has; `dtype` its type.
    """

    quantity: str = Field('position', pattern='^(position|velocity|effort)$')
    encoding: str = Field('rgb8', pattern='^(rgb8|bgr8|mono8)$')
    dtype: DType | None = None
    shape: tuple[int, ...] | None = None
    max_age_s: _Seconds = 0.5
    align: Align = Align.HOLD
    tolerance_s: _Seconds = 0.05
    reliable: bool = False


class DecisionTerm(_Term):
    """An output of versions, and `stop`: what is sent while there is no decision."""

    stop: Stop = Stop.NONE
    reliable: bool = True


class Outcome(_Part):
    """
    The topic that says how a task ended: a field that is true or false, of any message.

    Without it, `~/report_task` or the timeout ends tasks.
    """

    topic: str = Field(min_length=1, max_length=256)
    type: str = 'std_msgs/msg/Bool'
    field: str = 'data'


class Contract(_Part):
    """
    What a type of robot gives to a policy and takes from it, in raw quantities.

    Commands are sent at `rate_hz`. A task fails when there was no whole observation for
    `abort_after_s`.
    """

    robot: str = Field(min_length=1, max_length=128)
    rate_hz: float = Field(gt=0, le=1000)
    observations: dict[str, ObservationTerm] = Field(min_length=1, max_length=TENSORS)
    decisions: dict[str, DecisionTerm] = Field(min_length=1, max_length=TENSORS)
    outcome: Outcome | None = None
    abort_after_s: _Seconds = 2.0

    @property
    def step_s(self) -> float:
        """Return the time from one command to the next, in seconds."""
        return 1 / self.rate_hz

    def problems(self, manifest: Manifest) -> list[str]:
        """Return why a version does not fit: what it needs and a robot of this type lacks."""
        wanted = [spec.name for spec in manifest.observations]
        made = [spec.name for spec in manifest.decisions]
        missing = [name for name in wanted if name not in self.observations]
        lacking = [name for name in self.decisions if name not in made]
        found = []
        if missing:
            found.append(
                f'it needs the observations {few(missing)}, the contract has '
                f'{few(self.observations)}'
            )
        if lacking:
            found.append(f'it puts out {few(made)}, the contract needs {few(lacking)}')
        return found


def read_contract(path: Path) -> Contract:
    """Read a contract in YAML. Raises ContractError."""
    try:
        content: Any = parse_text(read_text_file(path))
    except PlanError as error:
        raise ContractError(f'{path}: {"; ".join(error.problems)}') from error
    except OSError as error:
        raise ContractError(f'{path} cannot be read: {error.strerror}') from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        problem = shortened(str(error), PROBLEM_CHARACTERS)
        raise ContractError(f'{path} is no YAML: {problem}') from error
    if not isinstance(content, dict):
        raise ContractError(f'{path} is no contract: it has no keys')
    try:
        return Contract.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = '.'.join(str(part) for part in first['loc']) or 'the file'
        problem = first['msg'].removeprefix('Value error, ')
        raise ContractError(f'{path}: {where}: {problem}') from error
