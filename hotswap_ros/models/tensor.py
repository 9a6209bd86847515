# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One input or output of a version: name, type, shape and bounds."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from hotswap_ros.limits import DESCRIPTION_CHARACTERS, DIMENSIONS, ELEMENTS

PositiveNumber = Annotated[float, Field(gt=0)]
Text = Annotated[str, StringConstraints(max_length=DESCRIPTION_CHARACTERS)]
Dimension = Annotated[int, Field(gt=0, le=ELEMENTS)]


class DType(str, enum.Enum):
    """Element type of a tensor, by its NumPy name."""

    FLOAT16 = 'float16'
    FLOAT32 = 'float32'
    FLOAT64 = 'float64'
    INT32 = 'int32'
    INT64 = 'int64'
    UINT8 = 'uint8'
    BOOL = 'bool'

    @property
    def is_float(self) -> bool:
        """Whether NaN and infinity exist in this type."""
        return self.value.startswith('float')


class Part(BaseModel):
    """A part of a manifest: it cannot be changed, and unknown keys are refused."""

    model_config = ConfigDict(extra='forbid', frozen=True, allow_inf_nan=False)


class TensorSpec(Part):
    """
    One input or output of the model.

    `shape` has one entry per dimension, all fixed. `low` and `high` bound every element (one
    number) or each element of the last dimension (a list); they are in the unit of the tensor.
    `rate_limit` bounds, in the same two forms, by how much each element of an output may differ
    from that of the task's previous decision: per step, not per second, as what jitters in a
    control loop is the time between two observations, and not what the robot does with them.
    """

    name: Text = Field(min_length=1)
    dtype: DType = DType.FLOAT32
    shape: tuple[Dimension, ...] = Field(max_length=DIMENSIONS)
    low: float | tuple[float, ...] | None = None
    high: float | tuple[float, ...] | None = None
    rate_limit: PositiveNumber | tuple[PositiveNumber, ...] | None = None

    @property
    def size(self) -> int:
        """Return the number of elements."""
        return math.prod(self.shape)

    @property
    def width(self) -> int:
        """Return the number of elements of the last dimension."""
        return self.shape[-1] if self.shape else 1

    def without_axis(self, axis: int) -> TensorSpec:
        """Return the same tensor without a dimension; bounds of its elements go with it."""
        lost = {}
        if axis == len(self.shape) - 1:
            bounds = ('low', 'high', 'rate_limit')
            lost = {key: None for key in bounds if isinstance(getattr(self, key), tuple)}
        shape = self.shape[:axis] + self.shape[axis + 1 :]
        return self.model_copy(update={'shape': shape, **lost})

    @model_validator(mode='after')
    def _has_a_possible_size(self) -> TensorSpec:
        if self.size > ELEMENTS:
            raise ValueError(
                f"'{self.name}' has {self.size:.3g} elements: at most {ELEMENTS:,} are possible"
            )
        return self

    @model_validator(mode='after')
    def _bounds_fit(self) -> TensorSpec:
        for bound_name in ('low', 'high', 'rate_limit'):
            bound = getattr(self, bound_name)
            if isinstance(bound, tuple) and (not self.shape or len(bound) != self.width):
                raise ValueError(
                    f"'{bound_name}' of '{self.name}' has {len(bound)} numbers, shape "
                    f'{list(self.shape)} needs {self.width}'
                )
        if any(low > high for low, high in _aligned(*self._bounds())):
            raise ValueError(f"'low' of '{self.name}' is above 'high': nothing would be allowed")
        return self

    def require_allowed(self, subject: str, numbers: float | tuple[float, ...]) -> None:
        """Raise ValueError unless the numbers fit the shape and are within the bounds."""
        if isinstance(numbers, tuple) and len(numbers) != self.width:
            raise ValueError(
                f"'{subject}' of '{self.name}' has {len(numbers)} numbers, shape "
                f'{list(self.shape)} needs {self.width}'
            )
        for number, low, high in _aligned(numbers, *self._bounds()):
            if not low <= number <= high:
                raise ValueError(
                    f"'{subject}' of '{self.name}' has {number}, the bounds are {low} to {high}"
                )

    def _bounds(self) -> tuple[float | tuple[float, ...], float | tuple[float, ...]]:
        return (
            -math.inf if self.low is None else self.low,
            math.inf if self.high is None else self.high,
        )


def _aligned(*values: float | tuple[float, ...]) -> Iterator[tuple[float, ...]]:
    """Yield the values element by element; once where all of them are single numbers."""
    if not any(isinstance(value, tuple) for value in values):
        yield values  # type: ignore[misc]
        return
    yield from zip(*(value if isinstance(value, tuple) else repeat(value) for value in values))


def feature_of(text: str, widths: Mapping[str, int]) -> tuple[str, int] | None:
    """
    Return the tensor and the index that a feature names, such as `observation[3]`.

    None where no tensor of these `widths`, the sizes of last dimensions, has it.
    """
    found = re.fullmatch(r'(.+)\[(0|[1-9][0-9]{0,8})\]', text, re.DOTALL)
    if found is None or int(found[2]) >= widths.get(found[1], 0):
        return None
    return found[1], int(found[2])
