# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The router: a routing together with the loaded versions that it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hotswap_ros.models import Interface, InvalidRoutingError, Routing, differences
from hotswap_ros.serving.settings import Isolation
from hotswap_ros.serving.versions.loaded_version import LoadedVersion


class ShadowActsError(InvalidRoutingError):
    """A shadow runs in the process that acts."""


@dataclass(frozen=True, slots=True, eq=False)
class Router:
    """A routing with its versions; immutable, so that a request never sees a part of a change."""

    routing: Routing
    stable: LoadedVersion | None = None
    candidate: LoadedVersion | None = None
    shadow: LoadedVersion | None = None

    @classmethod
    def of(cls, routing: Routing, ready: Callable[[str], LoadedVersion]) -> Router:
        """
        Look up the named versions with `ready`, which raises for one that is not ready.

        Raises InvalidRoutingError when stable could not answer for the candidate or shadow, and
        ShadowActsError for a shadow that is in this process.
        """
        stable = ready(routing.stable) if routing.stable else None
        candidate = ready(routing.candidate) if routing.candidate else None
        shadow = ready(routing.shadow) if routing.shadow else None
        if stable is not None and candidate is not None:
            _require_interchangeable(stable, candidate, 'candidate')
        if stable is not None and shadow is not None:
            _require_interchangeable(stable, shadow, 'shadow')
            _require_worker(shadow)
        return cls(routing, stable, candidate, shadow)

    def without_candidate(self) -> Router:
        """Return the same with the candidate dropped; the generation stays."""
        routing = self.routing.without(self.routing.candidate)
        return Router(routing, self.stable, None, self.shadow)

    def without_shadow(self) -> Router:
        """Return the same with the shadow dropped; the generation stays."""
        routing = self.routing.without(self.routing.shadow)
        return Router(routing, self.stable, self.candidate)

    def candidate_for(self, task_id: str) -> LoadedVersion | None:
        """Return the candidate if a new task belongs to its share."""
        if self.candidate is None or self.routing.assign(task_id) != self.candidate.version:
            return None
        return self.candidate

    def names(self, loaded: LoadedVersion) -> bool:
        """Return whether the routing names this loaded version."""
        return loaded is self.stable or loaded is self.candidate


def _require_worker(shadow: LoadedVersion) -> None:
    if not shadow.session.runs_in_worker:
        raise ShadowActsError(
            'shadow',
            shadow.version,
            'it runs in the process that acts, and would delay it: use the isolation '
            f"'{Isolation.WORKER.value}'",
        )


def _require_interchangeable(stable: LoadedVersion, candidate: LoadedVersion, role: str) -> None:
    """Require the same inputs, and the outputs that the code of the robot reads."""
    found = differences(Interface.of(stable.manifest), Interface.of(candidate.manifest))
    if found:
        text = ', '.join(one.words(stable.version, candidate.version) for one in found)
        raise InvalidRoutingError(
            role,
            candidate.version,
            f"stable '{stable.version}' could not answer for it ({text}): export it with the same "
            'inputs and outputs, or make it stable together with robot code that suits it',
        )
