# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The restart of a robot, which serves the last known good routing again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from hotswap_ros.models import ModelError, Routing
from hotswap_ros.serving.errors import LoadFailedError, ServingError
from hotswap_ros.serving.versions.last_known_good import Record
from hotswap_ros.serving.versions.loaded_version import VersionInfo

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Restart:
    """
    Loads the versions of a record, and puts those in force that load.

    `load` and `unload` are the engine's; `enforce` puts a routing in force with any generation.
    """

    record: Record
    load: Callable[[str], VersionInfo]
    unload: Callable[[str], None]
    enforce: Callable[[Routing], None]

    def run(self) -> None:
        """Serve again. Raises what `load` raises when there is nothing left to serve."""
        routing = self._stable()
        # Alone at first: loading the others may take long.
        self.enforce(routing.with_stable_alone(routing.stable))
        whole = self._with_what_loads(routing)
        if whole.versions != (routing.stable,):
            self.enforce(whole)

    def pending(self) -> Routing | None:
        """Return the routing that waited for its time, once its versions are loaded."""
        pending = self.record.pending
        if pending is None or self._with_what_loads(pending) != pending:
            return None
        return pending if self._try_to_load(pending.stable) else None

    def _stable(self) -> Routing:
        routing, proven = self.record.routing, self.record.proven
        try:
            self._load(routing.stable)
        except (ModelError, ServingError) as error:
            if proven in ('', routing.stable):
                raise
            _log.error('%s; %s serves in its place', error, proven)
            self._load(proven)
            return routing.with_stable_alone(proven)
        return routing

    def _with_what_loads(self, routing: Routing) -> Routing:
        for beside in (routing.candidate, routing.shadow):
            if beside and not self._try_to_load(beside):
                routing = routing.without(beside)
        return routing

    def _try_to_load(self, version: str) -> bool:
        try:
            self._load(version)
        except (ModelError, ServingError) as error:
            _log.error('%s; serving goes on without it', error)
            return False
        return True

    def _load(self, version: str) -> None:
        info = self.load(version)
        before = self.record.digests.get(version, info.digest)
        if info.digest != before:
            self.unload(version)
            raise LoadFailedError(
                version,
                f'its manifest changed over the restart (before {before[:12]}…, now '
                f'{info.digest[:12]}…), but a version never changes: give it a new name',
            )
