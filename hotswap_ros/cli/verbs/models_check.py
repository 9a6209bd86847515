# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap models check` and `hotswap models try`: a version as a robot would load it."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.text import Text

from hotswap_ros.cli.files.samples import Observation, read_samples
from hotswap_ros.cli.terminal import write_json
from hotswap_ros.cli.verbs.models import (
    PROBLEMS,
    NoModelError,
    model_of,
    refused,
    shown_numbers,
    version_table,
)
from hotswap_ros.models import FailureCause, ModelRepository
from hotswap_ros.serving import Guard, LoadFailedError, Session
from hotswap_ros.serving.task_memory import MemoryForm, TaskMemory
from hotswap_ros.text import count, size_words

#: Decisions that are shown one by one; the figures are those of all.
_SHOWN = 5


def run_check(console: Console, root: Path, model: str, version: str) -> int:
    """Check whether a robot would serve a version; return the exit code."""
    repository = ModelRepository(root)
    try:
        model = model_of(repository, model)
    except NoModelError as error:
        return refused(error)
    return check_version(console, repository, model, version)


def check_version(console: Console, repository: ModelRepository, model: str, version: str) -> int:
    """Load a version as a robot does, and tell what was seen; return the exit code."""
    try:
        verified = repository.verify(model, version)
        manifest = verified.manifest
        _tell(console, 'Files', f'as stated, {size_words(manifest.total_bytes)}')
        session = Session(verified)
        session.warm_up(Guard(manifest))
    except PROBLEMS as error:
        return refused(error)
    latency = f'{session.warm_latency_ms:.3g} ms for a decision on this computer'
    _tell(console, 'Loads', f'{", ".join(session.placement.providers)}, {latency}')
    if manifest.golden is not None:
        _tell(console, 'Golden samples', 'repeated, with the same outputs')
    if manifest.deadline_ms is not None and session.warm_latency_ms > manifest.deadline_ms:
        return refused(
            f"version '{version}' takes {latency}, its 'deadline_ms' is {manifest.deadline_ms:g}: "
            'export a faster one, or raise the deadline'
        )
    console.print(f'A robot would serve {version}.', markup=False, highlight=False)
    return 0


class _Run(NamedTuple):
    outputs: Observation
    latency_ms: float
    cause: FailureCause | None


def run_try(
    console: Console, root: Path, model: str, version: str, samples: Path, json_file: Path | None
) -> int:
    """Let a version decide on the observations of one task; return 1 if the guard refuses one."""
    repository = ModelRepository(root)
    try:
        verified = repository.verify(model_of(repository, model), version)
        observations = read_samples(samples, verified.manifest.observations)
        session = Session(verified)
        guard = Guard(verified.manifest)
        session.warm_up(guard)
        memory = MemoryForm(verified.manifest).begin()
        runs = [_run(version, session, guard, memory, each) for each in observations]
    except PROBLEMS as error:
        return refused(error)
    bad = [run for run in runs if run.cause is not None]
    if json_file is not None:
        write_json(json_file, [_run_figures(run) for run in runs])
    table = version_table('', *(spec.name for spec in verified.manifest.decisions), 'Guard', 'ms')
    # Those that the guard refuses first: they are what somebody looks for.
    ordered = sorted(enumerate(runs), key=lambda each: each[1].cause is None)
    for number, run in ordered[:_SHOWN]:
        shown = (shown_numbers(array.ravel().tolist()) for array in run.outputs.values())
        table.add_row(str(number), *shown, _guard_words(run.cause), f'{run.latency_ms:.3g}')
    console.print(table)
    times = np.percentile([run.latency_ms for run in runs], (50, 95, 100))
    console.print(
        f'{count(len(runs), "observation")}: the guard refuses {len(bad)}; '
        f'median {times[0]:.3g} ms, 95% within {times[1]:.3g} ms, longest {times[2]:.3g} ms',
        highlight=False,
    )
    return int(bool(bad))


def _run(
    version: str, session: Session, guard: Guard, memory: TaskMemory, observation: Observation
) -> _Run:
    inputs = memory.inputs_for(observation)
    started = perf_counter()
    try:
        outputs, _ = session.run(inputs)
    except Exception as error:
        raise LoadFailedError(version, f'it raised an error: {error}') from error
    latency_ms = (perf_counter() - started) * 1e3
    cause = guard.check(outputs, latency_ms)
    memory.keep(outputs)
    return _Run(outputs, latency_ms, cause)


def _run_figures(run: _Run) -> dict[str, Any]:
    return {
        'outputs': {name: array.tolist() for name, array in run.outputs.items()},
        'latency_ms': run.latency_ms,
        'cause': None if run.cause is None else run.cause.value,
    }


def _guard_words(cause: FailureCause | None) -> Text:
    return Text('passed', 'green') if cause is None else Text(cause.value, 'bold red')


def _tell(console: Console, key: str, value: str) -> None:
    console.print(f'{key + ":":16}{value}', markup=False, highlight=False, soft_wrap=True)
