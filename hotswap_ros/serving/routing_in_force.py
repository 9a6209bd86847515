# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The routing in force, until a newer one, a lease, a breaker or a lost worker ends it."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Protocol

from hotswap_ros.models import FailureCause, ModelError, Routing
from hotswap_ros.serving.breaker import Breaker
from hotswap_ros.serving.errors import ServingError, StaleGenerationError, UnknownModelError
from hotswap_ros.serving.router import Router
from hotswap_ros.serving.tasks import Tasks
from hotswap_ros.serving.versions.loaded_version import LoadedVersion

_log = logging.getLogger(__name__)


class Waiting(Protocol):
    """Something that is called later, unless it is cancelled before."""

    def cancel(self) -> None:
        """Do not call it any more."""


def wait_in_thread(delay_s: float, call: Callable[[], object]) -> Waiting:
    """Call something in a thread of its own after so many seconds."""
    timer = threading.Timer(min(delay_s, threading.TIMEOUT_MAX), call)
    timer.daemon = True
    timer.start()
    return timer


class InForce:
    """
    The routing in force, and one that waits for its time; the engine's lock guards every call.

    `router` may be read without the lock: it is immutable, and replaced by one assignment. `ready`
    looks a version up, or raises. `wait` calls `on_due` when the time of a routing has come.
    """

    def __init__(
        self,
        model_id: str,
        tasks: Tasks,
        breaker: Breaker,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        ready: Callable[[str], LoadedVersion],
        on_due: Callable[[], object],
        wait: Callable[[float, Callable[[], object]], Waiting] = wait_in_thread,
    ) -> None:
        self.router = Router(Routing(model_id))
        self.pending: Router | None = None
        self.breaker = breaker
        self.stable_since = math.inf
        self.model_id = model_id
        self.tasks = tasks
        self.clock = clock
        self._wall_clock = wall_clock
        self._on_due = on_due
        self._wait = wait
        self._activation: Waiting | None = None
        self._ready = ready
        self._lease_ends = math.inf

    @property
    def pending_routing(self) -> Routing | None:
        """Return the routing that waits for its time, or None."""
        return None if self.pending is None else self.pending.routing

    def names(self, version: str) -> bool:
        """Return whether the routing in force, or the one that waits, names a version."""
        waiting = self.pending_routing
        versions = self.router.routing.versions
        return version in versions or (waiting is not None and version in waiting.versions)

    def is_known(self, routing: Routing) -> bool:
        """Return whether a routing is in force or waits already. Raises UnknownModelError."""
        if routing.model_id != self.model_id:
            raise UnknownModelError(routing.model_id, self.model_id)
        return routing in (self.router.routing, self.pending_routing)

    def accept(self, routing: Routing) -> None:
        """
        Put a routing in force, or let it wait for its time.

        Raises StaleGenerationError, and what `ready` and Router.of raise; then nothing changes.
        """
        self._refuse_if_stale(routing)
        router = Router.of(routing, self._ready)
        self.forget_pending()
        if routing.activate_at > self._wall_clock():
            self._await(router)
        else:
            self._activate(router)

    def put(self, router: Router) -> None:
        """Put a router in force as it is."""
        if router.routing.stable != self.router.routing.stable:
            self.stable_since = self.clock()
        self.router = router
        self.tasks.hand_over(router)
        self._start_lease()

    def renew_lease(self, rollout_ids: Collection[str]) -> None:
        """Restart the lease of a candidate of these rollouts."""
        if self.router.routing.salt in rollout_ids:
            self._start_lease()

    def activate_if_due(self) -> bool:
        """Put the routing in force whose time has come; returns whether there was one."""
        pending = self.pending
        if pending is None or self._wall_clock() < pending.routing.activate_at:
            return False
        self.forget_pending()
        try:
            # Looked up again: a version may have been lost, or loaded again, meanwhile.
            self._activate(Router.of(pending.routing, self._ready))
        except (ServingError, ModelError) as error:
            generation = pending.routing.generation
            _log.error('routing %d does not take effect at its time: %s', generation, error)
            return False
        return True

    def look_up_again(self, version: str) -> None:
        """Replace a version in force by itself, after it was lost and loaded again."""
        router = self.router
        named = (router.stable, router.candidate, router.shadow)
        old = [loaded for loaded in named if loaded and loaded.version == version]
        if old and self._ready(version) is not old[0]:
            with suppress(ServingError, ModelError):  # another one that is named is lost too
                self.router = Router.of(router.routing, self._ready)

    def end_lease_if_over(self) -> bool:
        """Drop a candidate that nobody renewed; returns whether there was one."""
        if self.clock() < self._lease_ends:
            return False
        self.put(self.router.without_candidate())
        return True

    def record_failure(self, loaded: LoadedVersion, cause: FailureCause) -> bool:
        """
        Count a failure; returns whether it took the candidate out, being one too many.

        A busy computer takes no candidate out.
        """
        if loaded is not self.router.candidate or cause is FailureCause.BUSY_COMPUTER:
            return False
        generation = self.router.routing.generation
        opened = self.breaker.record_failure(loaded.version, cause, generation)
        if opened:
            self.put(self.router.without_candidate())
        return opened

    def drop_lost(self, loaded: LoadedVersion) -> None:
        """
        Drop a version whose worker is lost, or that hung, however many requests it failed.

        Stable stays: what replaces it has to be loaded first. Its probation begins anew.
        """
        router = self.router
        if loaded not in (router.stable, router.candidate, router.shadow):
            return
        self.breaker.force(loaded.version, FailureCause.CRASH, router.routing.generation)
        if loaded is router.candidate:
            self.put(router.without_candidate())
        elif loaded is router.shadow:
            self.router = router.without_shadow()
        else:
            self.stable_since = self.clock()

    def forget_pending(self) -> None:
        """Drop the routing that waits for its time."""
        self.pending = None
        if self._activation is not None:
            self._activation.cancel()
            self._activation = None

    def _activate(self, router: Router) -> None:
        self.put(router)
        self.breaker.close()

    def _await(self, router: Router) -> None:
        self.pending = router
        # `tick` alone would flip a fleet within its period only. The timer may fire early, when
        # the wall clock is set back meanwhile: then a later tick is the one.
        delay_s = router.routing.activate_at - self._wall_clock()
        self._activation = self._wait(delay_s, self._on_due)

    def _refuse_if_stale(self, routing: Routing) -> None:
        in_force = self.router.routing
        # The start's routing is nobody's: the first one may have generation 0 as well.
        untouched = in_force == Routing(self.model_id)
        newest = in_force.generation
        if self.pending is not None:
            newest = max(newest, self.pending.routing.generation)
            untouched = False
        if routing.generation <= newest and not untouched:
            raise StaleGenerationError(routing.generation, newest)

    def _start_lease(self) -> None:
        routing = self.router.routing
        leased = routing.candidate and routing.lease_s > 0
        self._lease_ends = self.clock() + routing.lease_s if leased else math.inf
