# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Proofs of versions, each made once by this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future


class Proofs:
    """Proves each thing once, in the thread that asks first. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: dict[Hashable, Future[None]] = {}

    def once(self, thing: Hashable, prove: Callable[[], object]) -> None:
        """Prove a thing, or wait for the thread that does; a failure is tried again next time."""
        with self._lock:
            outcome = self._outcomes.get(thing)
            is_ours = outcome is None
            if outcome is None:
                outcome = self._outcomes[thing] = Future()
        if is_ours:
            self._run(thing, prove, outcome)
        outcome.result()

    def _run(self, thing: Hashable, prove: Callable[[], object], outcome: Future[None]) -> None:
        try:
            prove()
        except BaseException as error:
            with self._lock:
                del self._outcomes[thing]
            outcome.set_exception(error)
        else:
            outcome.set_result(None)
