# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The control loop of a robot: from observations to commands, one step after the other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.models import Manifest
from hotswap_ros.policies.alignment import MissingError, Sources
from hotswap_ros.policies.chunk_player import ChunkPlayer, Command
from hotswap_ros.policies.contract import Contract, Stop
from hotswap_ros.serving import Decision
from hotswap_ros.serving.versions.loaded_version import safe_outputs_of

#: Part of a step that the loop waits for a decision where there is nothing else to command.
_PATIENCE = 0.8


class Request(NamedTuple):
    """A decision that is asked for."""

    ticket: int
    task_id: str
    category: str
    observation: dict[str, NDArray[Any]]


class Answer(NamedTuple):
    """A decision, or why there is none."""

    ticket: int
    decision: Decision | None
    problem: str = ''


class Decider(Protocol):
    """Decides in a thread of its own."""

    @property
    def inputs(self) -> Collection[str]:
        """Return the names of the observations that any version takes that may decide."""

    def submit(self, request: Request) -> None:
        """Ask for a decision; returns at once."""

    def answers(self, patience_s: float) -> Sequence[Answer]:
        """Return what has been decided; wait for the first answer, at most so long."""


class Step(NamedTuple):
    """
    What a step of the loop commands.

    `commands` has no decision for which nothing is to be sent. `problem` is why there is none that
    is new, `version` which version decided last.
    """

    commands: Command
    problem: str = ''
    version: str = ''


class ControlLoop:
    """
    The loop of one task; for one thread, which calls `step` once for each command.

    `manifest` is that of the stable version. Times are in seconds of a clock that never jumps.
    `aborted` is why the task cannot go on; empty: it can. `last_command` was sent by a loop
    before this one.
    """

    def __init__(
        self,
        contract: Contract,
        manifest: Manifest,
        sources: Sources,
        decider: Decider,
        last_command: Command | None = None,
    ) -> None:
        self._contract = contract
        self._names = tuple(spec.name for spec in manifest.observations)
        self._sources = sources
        self._decider = decider
        self._player = ChunkPlayer(manifest.decisions, last_command)
        self._safe = _safe_step(manifest)
        self._task = ('', '')
        self._seen_s = 0.0
        self._last: Command = {}
        self._version = ''
        self.aborted = ''
        self.fallbacks = 0

    @property
    def last_command(self) -> Command:
        """Return what was sent last."""
        return self._player.last

    @property
    def starved(self) -> int:
        """Return how many steps of the task had no decision, although it had begun."""
        return self._player.starved

    def begin(self, task_id: str, category: str, now_s: float) -> None:
        """Begin a task."""
        self._task = (task_id, category)
        self._seen_s = now_s
        self._version = self.aborted = ''
        self.fallbacks = 0
        self._last = {}
        self._player.begin_task()

    def step(self, now_s: float) -> Step:
        """Return the commands of this step."""
        problem = self._ask(now_s) if self._player.wants_decision else ''
        patience_s = _PATIENCE * self._contract.step_s if self._player.is_dry else 0.0
        for answer in self._decider.answers(0.0 if problem else patience_s):
            problem = self._take(answer) or problem
        command = self._player.next_command()
        if command is None:
            if not problem and self._version:
                problem = 'the decision is late'
            return Step(self.stop(), problem, self._version)
        self._last = {name: command[name] for name in self._contract.decisions}
        return Step(self._last, problem, self._version)

    def _ask(self, now_s: float) -> str:
        """Ask for a decision on the present observation; returns why there is none."""
        try:
            inputs = self._decider.inputs
            observation = self._sources.observation(now_s, self._names, inputs)
        except MissingError as error:
            if now_s - self._seen_s > self._contract.abort_after_s:
                self.aborted = str(error)
            return str(error)
        self._seen_s = now_s
        self._decider.submit(Request(self._player.ask(), *self._task, observation))
        return ''

    def _take(self, answer: Answer) -> str:
        if answer.decision is None:
            self._player.fail(answer.ticket)
            return answer.problem
        if self._player.take(answer.ticket, answer.decision):
            self._version = answer.decision.version
            self.fallbacks += answer.decision.fallback
        return ''

    def stop(self) -> Command:
        """Return what is sent without a decision, and when a task has ended."""
        commands = {}
        for name, term in self._contract.decisions.items():
            if term.stop is Stop.HOLD and name in self._last:
                commands[name] = self._last[name]
            elif term.stop is Stop.SAFE and self._safe is not None:
                commands[name] = self._safe[name]
        return self._player.limited(commands)


def _safe_step(manifest: Manifest) -> Command | None:
    safe = safe_outputs_of(manifest)
    if safe is None or manifest.chunk is None:
        return safe
    return {name: np.moveaxis(array, manifest.chunk.axis, 0)[0] for name, array in safe.items()}


def problems_of(contract: Contract, manifest: Manifest) -> list[str]:
    """Return why a robot with this contract cannot work with a version as the stable one."""
    found = contract.problems(manifest)
    needs_safe = [name for name, term in contract.decisions.items() if term.stop is Stop.SAFE]
    if needs_safe and manifest.safe_decision is None:
        found.append(
            f"'stop' of {', '.join(needs_safe)} is 'safe', and the version has no 'safe_decision'"
        )
    chunk = manifest.chunk
    if chunk is not None and abs(chunk.step_s - contract.step_s) > 0.01 * contract.step_s:
        found.append(
            f"its chunks have steps of {chunk.step_s:g} s, and 'rate_hz' of the contract is "
            f'{contract.rate_hz:g}: steps of {contract.step_s:g} s'
        )
    return found
