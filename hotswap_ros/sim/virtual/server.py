# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The model server of one virtual robot.

The routing in force, with its generations, instants, leases and breakers, is that of the serving
engine. Only the models are missing: no version runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hotswap_ros.fleet import (
    BreakerReport,
    Command,
    LoadVersion,
    RobotReport,
    Route,
    VersionReport,
)
from hotswap_ros.models import FailureCause, InvalidRoutingError, ModelError, Routing, VersionState
from hotswap_ros.rollout import Cause as RolloutCause
from hotswap_ros.serving import BREAKER_LIMIT, NotReadyError, OpenBreaker, ServingError
from hotswap_ros.serving.breaker import Breaker
from hotswap_ros.serving.router import Router
from hotswap_ros.serving.routing_in_force import InForce
from hotswap_ros.serving.tasks import Tasks
from hotswap_ros.serving.versions.loaded_version import LoadedVersion
from hotswap_ros.sim.virtual.clock import VirtualClock
from hotswap_ros.sim.virtual.library import Library

#: How long a robot takes to start, in seconds, before it loads what it served.
BOOT_S = 1.0


class Refusal(NamedTuple):
    """Why a robot refuses a command; cause NONE: the same command may succeed later."""

    cause: RolloutCause
    message: str


def _breaker_report(opened: OpenBreaker) -> BreakerReport:
    return BreakerReport(opened.version, opened.cause.value.replace('_', ' '), opened.count)


class VirtualServer:
    """
    The loaded versions and the routing of one robot; `on_change` is called after every change.

    `serves` is the routing that it starts with. `clock_shift_s` is the error of its wall clock,
    and nothing can be written while `disk_is_full`. `unloadable` and `digests` say by version
    where this robot differs from the library: why it cannot load it, and which file it has.
    """

    def __init__(
        self,
        robot_id: str,
        library: Library,
        clock: VirtualClock,
        serves: Routing,
        on_change: Callable[[], object],
        region: str = '',
        labels: tuple[str, ...] = (),
        resident_limit: int = 2,
        place: str = '',
    ) -> None:
        self.robot_id = robot_id
        self.server = f'{place}/{robot_id}/model_server'
        self.region = region
        self.labels = labels
        self.resident_limit = resident_limit
        self.clock_shift_s = 0.0
        self.disk_is_full = False
        self.unloadable: dict[str, RolloutCause] = {}
        self.digests: dict[str, str] = {}
        self.on_disk: set[str] = set()
        self._library = library
        self._clock = clock
        self._on_change = on_change
        self._place = place
        self._boots = 0
        #: What is on its disk for the next start: the routing in force, and the one that waits.
        self._kept: tuple[Routing, Routing | None] = (serves, None)
        self._report: RobotReport | None = None
        self.versions: dict[str, VersionReport] = {}
        self.in_force = self._new_in_force()
        self.is_up = False

    @property
    def routing(self) -> Routing:
        """Return the routing in force."""
        return self.in_force.router.routing

    @property
    def pending(self) -> Routing | None:
        """Return the routing that waits for its instant."""
        pending = self.in_force.pending
        return None if pending is None else pending.routing

    @property
    def boot_id(self) -> str:
        """Return the id of this boot: it changes with every start."""
        return f'{self._place}{self.robot_id}/{self._boots}'

    @property
    def report(self) -> RobotReport:
        """Return the robot's status."""
        if self._report is None:
            opened = self.in_force.breaker.opened
            self._report = RobotReport(
                robot_id=self.robot_id,
                server=self.server,
                model_id=self._library.model_id,
                boot_id=self.boot_id,
                routing=self.routing,
                versions=dict(self.versions),
                region=self.region,
                labels=self.labels,
                resident_limit=self.resident_limit,
                breaker=None if opened is None else _breaker_report(opened),
            )
        return self._report

    # -- start and stop ---------------------------------------------------------------------------

    def start(self, serves: Routing | None = None) -> None:
        """Start with what was served before the stop, or with `serves`."""
        routing, pending = self._kept if serves is None else (serves, None)
        self._boots += 1
        self.versions = {}
        self.in_force = self._new_in_force()
        self.is_up = True
        self._load_at_once(*routing.versions, *(pending.versions if pending else ()))
        self.in_force.put(Router.of(routing, self._ready))
        if pending is not None:
            self.in_force.accept(pending)
        self._changed()

    def serve(self, routing: Routing) -> None:
        """Load what a routing names and put it in force, as an operator could on the robot."""
        self._load_at_once(*routing.versions)
        self.in_force.forget_pending()
        self.in_force.put(Router.of(routing, self._ready))
        self._changed()

    def _load_at_once(self, *versions: str) -> None:
        for version in versions:
            self.versions[version] = self._loaded(version)
            self.on_disk.add(version)

    def stop(self) -> None:
        """Stop, as a power cut stops a robot."""
        self.in_force.forget_pending()
        self.is_up = False
        self._report = None

    def _new_in_force(self) -> InForce:
        return InForce(
            self._library.model_id,
            Tasks(),
            Breaker(BREAKER_LIMIT),
            clock=lambda: self._clock.now,
            wall_clock=lambda: self._clock.now + self.clock_shift_s,
            ready=self._ready,
            on_due=self.look_at_clock,
            wait=self._clock.call_after,
        )

    def _ready(self, version: str) -> LoadedVersion:
        known = self.versions.get(version)
        if known is None or known.state is not VersionState.READY:
            state = VersionState.ABSENT if known is None else known.state
            raise NotReadyError(version, state, '' if known is None else known.reason)
        return self._library.residents[version]

    def _loaded(self, version: str) -> VersionReport:
        return VersionReport(VersionState.READY, self._digest(version))

    def _digest(self, version: str) -> str:
        return self.digests.get(version) or self._library.outcomes[version].digest or version

    def _changed(self) -> None:
        self._report = None
        if not self.disk_is_full:
            self._kept = (self.routing, self.pending)
        self._on_change()

    # -- commands ---------------------------------------------------------------------------------

    def obey(self, command: Command) -> Refusal | None:
        """Execute a command; returns a refusal, None: it is done or under way."""
        if isinstance(command, LoadVersion):
            return self.load(command.version)
        if isinstance(command, Route):
            return self.route(command.routing)
        return self.unload(command.version, command.delete_files)

    def load(self, version: str) -> Refusal | None:
        """Begin to load a version, unless that is done or under way."""
        known = self.versions.get(version)
        if known is not None and known.state.is_resident:
            return None
        outcomes = self._library.outcomes.get(version)
        if outcomes is None:
            there = ', '.join(self._library.outcomes)
            text = f"there is no version '{version}': there are {there}"
            return Refusal(RolloutCause.UNKNOWN_VERSION, text)
        resident = [name for name, one in self.versions.items() if one.state.is_resident]
        if len(resident) >= self.resident_limit:
            text = f"no room for version '{version}': {', '.join(resident)} are resident"
            return Refusal(RolloutCause.NONE, text)
        refusal = self._problem(version)
        if refusal is not None:
            self.versions[version] = VersionReport(VersionState.FAILED, reason=refusal.message)
            self._changed()
            return refusal
        self.on_disk.add(version)
        self.versions[version] = VersionReport(VersionState.LOADING, self._digest(version))
        boot = self._boots
        self._clock.call_after(outcomes.load_s, lambda: self._end_load(version, boot))
        self._changed()
        return None

    def _problem(self, version: str) -> Refusal | None:
        """Return why this robot cannot load a version, None: it can."""
        if version in self.unloadable:
            return Refusal(self.unloadable[version], f"version '{version}' cannot be loaded")
        problem = self._library.outcomes[version].refused
        if self.disk_is_full and version not in self.on_disk:
            problem = 'no space left on device'
        return Refusal(RolloutCause.STAGING_FAILED, problem) if problem else None

    def _end_load(self, version: str, boot: int) -> None:
        known = self.versions.get(version)
        is_awaited = known is not None and known.state is VersionState.LOADING
        if self.is_up and boot == self._boots and is_awaited:
            self.versions[version] = self._loaded(version)
            self._changed()

    def unload(self, version: str, delete_files: bool = False) -> Refusal | None:
        """Release a version, unless the routing names it."""
        if self.in_force.names(version):
            return Refusal(RolloutCause.NONE, f"version '{version}' is in use")
        self.versions[version] = VersionReport(VersionState.RELEASED)
        if delete_files:
            self.on_disk.discard(version)
        self._changed()
        return None

    def route(self, routing: Routing) -> Refusal | None:
        """Put a routing in force, or let it wait for its time."""
        try:
            if self.in_force.is_known(routing):
                return None
            self.in_force.accept(routing)
        except InvalidRoutingError as error:
            return Refusal(RolloutCause.STAGING_FAILED, str(error))
        except (ServingError, ModelError) as error:
            return Refusal(RolloutCause.NONE, str(error))
        self._changed()
        return None

    # -- events on the robot ----------------------------------------------------------------------

    def set_clock(self, shift_s: float) -> None:
        """Set the error of the wall clock."""
        self.clock_shift_s = shift_s
        self.look_at_clock()
        pending = self.in_force.pending
        if pending is not None:
            self._clock.call_at(pending.routing.activate_at - shift_s, self.look_at_clock)

    def look_at_clock(self) -> None:
        """Put the pending routing in force if its instant has passed."""
        if self.in_force.activate_if_due():
            self._changed()

    def end_lease(self) -> None:
        """Drop the candidate if its lease is over."""
        if self.in_force.end_lease_if_over():
            self._changed()

    def give_up(self, version: str, reason: str) -> None:
        """Drop a candidate that lost its worker for good."""
        candidate = self.in_force.router.candidate
        if candidate is None or candidate.version != version:
            return
        self.versions[version] = VersionReport(VersionState.FAILED, reason=reason)
        self.in_force.drop_lost(candidate)
        self._changed()

    def fail_in_a_row(self, version: str, cause: FailureCause) -> None:
        """Let a candidate fail requests in a row until the breaker opens."""
        candidate = self.in_force.router.candidate
        if candidate is None or candidate.version != version:
            return
        if cause is FailureCause.BUSY_COMPUTER:  # it opens no breaker
            return
        while not self.in_force.record_failure(candidate, cause):
            pass
        self._changed()
