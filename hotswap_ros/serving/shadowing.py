# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Shadowing, as the engine does it: decisions of stable are offered, and verdicts are counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from hotswap_ros.serving.recorder import Recorder
from hotswap_ros.serving.tasks import Task
from hotswap_ros.serving.types import ShadowComparison
from hotswap_ros.serving.versions.loaded_version import LoadedVersion
from hotswap_ros.serving.worker.shadow_ring import Primary, Verdict

_log = logging.getLogger(__name__)

OnShadow = Callable[[ShadowComparison], None] | None


class Shadowing:
    """
    Lets a version in a worker shadow the stable one. Threads may share it.

    `lock` is the engine's, and guards the recorders. `on_comparison`, if set, is called for every
    comparison, in batches, by other threads.
    """

    def __init__(self, lock: threading.Lock, on_comparison: OnShadow) -> None:
        self._lock = lock
        self.on_comparison = on_comparison

    def offer(
        self,
        shadow: LoadedVersion,
        stable: LoadedVersion,
        task: Task,
        inputs: dict[str, NDArray[Any]],
        outputs: dict[str, NDArray[Any]],
        primary: Primary,
    ) -> None:
        """
        Offer a decision of stable to the shadow, which takes it if it keeps up.

        One for which an input is missing gets none. One that remembers tasks gets none of a task
        of which it has missed an observation.
        """
        is_first = task.decided_by is None
        taken = False
        is_given = shadow.lacks(inputs, stable) is None
        goes_on = is_first or task.followed_by is shadow or not shadow.remembers
        if is_given and goes_on:
            primary = primary._replace(is_first=is_first)
            taken = shadow.session.offer(inputs, outputs, primary)
        task.followed_by = shadow if taken else None
        with self._lock:
            shadow.recorder.count_offer(taken)
            if shadow.watches_inputs and is_given:
                shadow.recorder.sample_inputs(inputs)

    def hear(self, recorder: Recorder, verdicts: list[Verdict]) -> None:
        """Count verdicts, and tell comparisons."""
        with self._lock:
            for verdict in verdicts:
                recorder.count_verdict(verdict)
        if self.on_comparison is None:
            return
        try:
            for verdict in verdicts:
                if verdict.comparison is not None:
                    self.on_comparison(verdict.comparison)
        except Exception:
            _log.exception('on_shadow raised an error; serving goes on')
