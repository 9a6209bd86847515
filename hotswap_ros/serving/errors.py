# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Errors of serving; each message ends with a remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hotswap_ros.text import megabytes

if TYPE_CHECKING:
    from hotswap_ros.models import FailureCause, VersionState


class ServingError(Exception):
    """Root of everything that can go wrong while serving."""


class UnknownModelError(ServingError):
    """A routing is for another model than the one that this engine serves."""

    def __init__(self, model_id: str, served: str) -> None:
        self.model_id = model_id
        self.served = served
        super().__init__(
            f"this engine serves model '{served}', not '{model_id}': address the one that does"
        )


class LoadFailedError(ServingError):
    """The runtime refused a version, it differs from its manifest, or it failed when warmed."""

    def __init__(self, version: str, problem: str) -> None:
        self.version = version
        self.problem = problem
        super().__init__(
            f"version '{version}' cannot be loaded: {problem}: "
            'export the model again, or correct its manifest, and load it again'
        )


class OtherInterfaceError(ServingError):
    """A version takes or puts out other tensors than the stable version in force."""

    def __init__(self, version: str, stable: str, differences: Sequence[str]) -> None:
        self.version = version
        self.stable = stable
        super().__init__(
            f"version '{version}' cannot take the place of stable '{stable}' "
            f'({"; ".join(differences)}): export it with the same inputs and outputs, or end '
            'serving first, with a routing without a stable version, where the code of the robot '
            'changes too'
        )


class NoRoomError(ServingError):
    """As many versions as allowed are loaded."""

    def __init__(self, version: str, loaded: Sequence[str], limit: int) -> None:
        self.version = version
        self.loaded = tuple(loaded)
        self.limit = limit
        super().__init__(
            f"no room for version '{version}': the limit of {limit} is reached (loaded: "
            f'{", ".join(loaded)}): unload one of them, or raise resident_limit'
        )


class NoMemoryError(ServingError):
    """A version needs more memory than is left of the budget."""

    def __init__(self, version: str, need: int, taken: Mapping[str, int], budget: int) -> None:
        self.version = version
        self.need = need
        self.taken = dict(taken)
        self.budget = budget
        parts = [f'{name} {megabytes(size)}' for name, size in sorted(taken.items())]
        super().__init__(
            f"no memory for version '{version}': it needs about {megabytes(need)}, taken "
            f'{", ".join(parts) or "nothing"}, budget {megabytes(budget)}: '
            'unload a version or raise the memory budget'
        )


class NotLoadedError(ServingError):
    """No such version is loaded."""

    def __init__(self, version: str, loaded: Sequence[str]) -> None:
        self.version = version
        self.loaded = tuple(loaded)
        super().__init__(
            f"version '{version}' is not loaded (loaded: {', '.join(loaded) or 'none'}): "
            'there is nothing to unload'
        )


class InUseError(ServingError):
    """A version cannot be released yet."""

    def __init__(self, version: str, use: str, remedy: str) -> None:
        self.version = version
        self.use = use
        super().__init__(f"version '{version}' cannot be unloaded: {use}: {remedy}")


class StaleGenerationError(ServingError):
    """A routing is older than the one in force, or differs from it under the same generation."""

    def __init__(self, generation: int, in_force: int) -> None:
        self.generation = generation
        self.in_force = in_force
        found = 'differs from' if generation == in_force else 'is older than'
        super().__init__(
            f'routing with generation {generation} {found} the one in force, which has generation '
            f'{in_force}: send it with generation {in_force + 1} or higher'
        )


class NotReadyError(ServingError):
    """A routing names a version that is not loaded and warm."""

    def __init__(self, version: str, state: VersionState, reason: str = '') -> None:
        self.version = version
        self.state = state
        self.reason = reason
        why = f' ({reason})' if reason else ''
        super().__init__(
            f"version '{version}' is {state.value}{why}, not ready: "
            'load it before a routing names it'
        )


class MovingError(ServingError):
    """A shadow still runs in the process that acts, and is being moved into a worker."""

    def __init__(self, version: str, problem: str = '') -> None:
        self.version = version
        self.problem = problem
        failed = f' (last attempt: {problem})' if problem else ''
        super().__init__(
            f"version '{version}' cannot shadow yet: it is being moved into a worker{failed}: set "
            'the routing again in a moment'
        )


class NotServingError(ServingError):
    """There is no stable version to answer."""

    def __init__(self, model_id: str) -> None:
        self.model_id = model_id
        super().__init__(
            f"no stable version of model '{model_id}' is in force: "
            'load a version and set a routing that names it as stable'
        )


class ObservationError(ServingError):
    """An observation does not fit the manifest: the caller's error, not the model's."""

    def __init__(self, subject: str, expected: str, found: str) -> None:
        self.subject = subject
        self.expected = expected
        self.found = found
        super().__init__(
            f'{subject}: expected {expected}, found {found}: send what the manifest describes'
        )


class InferenceFailedError(ServingError):
    """The stable version failed, and no other version can answer."""

    def __init__(self, version: str, cause: FailureCause, detail: str = '') -> None:
        self.version = version
        self.cause = cause
        self.detail = detail
        why = f'{cause.value} ({detail})' if detail else cause.value
        super().__init__(
            f"stable version '{version}' failed on this observation: {why}: "
            'bring the robot to a safe state, then roll back to a version that works'
        )


class InvalidReportError(ServingError):
    """A figure that was reported of a task cannot be right."""

    def __init__(self, field: str, value: float, remedy: str) -> None:
        self.field = field
        self.value = value
        super().__init__(f"'{field}' of a task is {value:g}: {remedy}")


class UnknownTaskError(ServingError):
    """A task never began, was reported already, or timed out."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(
            f"task '{task_id}' is not under way (it never began, was reported already, or timed "
            'out): report every task once, within the task timeout after its last inference'
        )


class RunFailedError(Exception):
    """
    A run ended without outputs; not raised to callers, because stable answers then.

    `waited_ms` of its time were spent on waiting for a processor. `is_hang`: it had to be ended in
    this process, where the next one may hang as well.
    """

    def __init__(
        self, cause: FailureCause, detail: str, waited_ms: float = 0.0, is_hang: bool = False
    ) -> None:
        self.cause = cause
        self.detail = detail
        self.waited_ms = waited_ms
        self.is_hang = is_hang
        super().__init__(f'{cause.value}: {detail}')


class SessionClosedError(Exception):
    """A session was replaced by another one of the same version; not raised to callers."""
