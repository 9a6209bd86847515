# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Settings of a serving engine."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from hotswap_ros.serving.breaker import BREAKER_LIMIT
from hotswap_ros.serving.onnx.runtime import RuntimeSettings
from hotswap_ros.serving.worker.load_deadline import LOAD_DEADLINE_S


class Isolation(str, enum.Enum):
    """
    Where versions run.

    WORKER: each version runs in a worker process until it is stable. The first one is loaded into
    the engine's process at once, after a worker has loaded it and warmed it up.
    """

    IN_PROCESS = 'in_process'
    WORKER = 'worker'

    @classmethod
    def _missing_(cls, value: object) -> Isolation | None:
        """Accept the former name of WORKER."""
        return cls.WORKER if value == 'incubator' else None


@dataclass(frozen=True)
class EngineSettings:
    """
    Settings of one engine, the same for all of its versions.

    `resident_limit` is how many versions may be loaded at once, and `memory_budget_bytes` how much
    memory they may take together; None: no limit. A task without an inference for `task_timeout_s`
    counts as timed out. A candidate that fails `breaker_limit` requests in a row is dropped; 0:
    never.

    `isolation` says where versions run. A worker whose memory grows by more than
    `worker_growth_bytes` once it is warm is ended, and its version has FAILED; 0: no limit. Each
    step of a load in a worker may take `load_deadline_s`, and more for a large file (see Job).
    With `idle_background`, workers load and shadow in the lowest scheduling class, which may take
    forever on a machine that is never idle.

    The routing in force is kept in `state_folder` for `Engine.restore`; None: it is not kept. A
    new stable version is on probation for `probation_s`: if the process crashes meanwhile, the
    crash counts against that version. Raises ValueError for an unknown isolation.
    """

    resident_limit: int = 2
    memory_budget_bytes: int | None = None
    task_timeout_s: float = 60.0
    breaker_limit: int = BREAKER_LIMIT
    isolation: Isolation | str = Isolation.IN_PROCESS
    worker_growth_bytes: int = 100_000_000
    load_deadline_s: float = LOAD_DEADLINE_S
    idle_background: bool = True
    runtime: RuntimeSettings = RuntimeSettings()  # noqa: RUF009 (frozen)
    state_folder: Path | str | None = None
    probation_s: float = 300.0

    def __post_init__(self) -> None:
        object.__setattr__(self, 'isolation', Isolation(self.isolation))
