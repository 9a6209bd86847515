# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The thread that asks the engine for decisions, so that the control loop never waits for one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence

from hotswap_ros.policies import Answer, Request
from hotswap_ros.serving import (
    Engine,
    InferenceFailedError,
    NotServingError,
    ObservationError,
)


class EngineDecider:
    """Decides with an engine, one request after the other; `stop` ends its thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name='decisions', daemon=True)
        self._thread.start()

    @property
    def inputs(self) -> frozenset[str]:
        """Return the names of the observations that stable, candidate or shadow take."""
        return self._engine.taken_inputs

    def submit(self, request: Request) -> None:
        """Ask for a decision; returns at once."""
        self._requests.put(request)

    def answers(self, patience_s: float) -> Sequence[Answer]:
        """Return what has been decided; wait for the first answer, at most so long."""
        found = []
        try:
            if patience_s > 0:
                found.append(self._answers.get(timeout=patience_s))
            while True:
                found.append(self._answers.get_nowait())
        except queue.Empty:
            return found

    def stop(self, timeout_s: float = 0.5) -> None:
        """End the thread after the decision under way."""
        self._requests.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (request := self._requests.get()) is not None:
            self._answers.put(self._decide(request))

    def _decide(self, request: Request) -> Answer:
        try:
            decision = self._engine.infer(request.observation, request.task_id, request.category)
        except (NotServingError, ObservationError, InferenceFailedError) as error:
            return Answer(request.ticket, None, str(error))
        except (
            Exception
        ) as error:  # whatever it is, the loop goes on and the robot is told to stop
            return Answer(request.ticket, None, f'{type(error).__name__}: {error}')
        return Answer(request.ticket, decision)
