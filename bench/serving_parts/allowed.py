# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The versions that may answer a request while routings change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hotswap_ros.models import Routing


@dataclass
class Routings:
    """The routings in their order; `finished` is the index of the last one in force."""

    given: list[Routing] = field(default_factory=list)
    finished: int = -1

    def put(self, routing: Routing, put: Callable[[Routing], object]) -> None:
        """Put a routing in force: from this call it may be in force, after this call it is."""
        self.given.append(routing)
        put(routing)
        self.finished += 1


@dataclass(frozen=True)
class Place:
    """A possible state of a task: on a version, as its candidate or not, after routing `seen`."""

    version: str
    on_trial: bool
    seen: int

    def after(self, routing: Routing, index: int) -> Place:
        """Return the state under a new routing: only dropped candidates lose tasks."""
        if self.on_trial and self.version not in (routing.stable, routing.candidate):
            return Place(routing.stable, False, index)
        return Place(self.version, self.on_trial, index)


class Task:
    """The possible states of one task, narrowed down by each answer."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        self._places: set[Place] = set()
        self._seen = -1

    @property
    def has_begun(self) -> bool:
        """Return whether there was an answer."""
        return bool(self._places)

    def allows(self, version: str, routings: Routings, first: int, last: int) -> bool:
        """
        Return whether a version may answer, and record the answer.

        The request ran while the routings from index `first` to `last` were in force, or some.
        """
        if self._seen == last and len(self._places) == 1:
            return next(iter(self._places)).version == version
        begun = self._places or {
            _begun(self.task_id, routings.given[index], index) for index in range(first, last + 1)
        }
        possible = {
            later for place in begun for later in _places_until(place, routings, first, last)
        }
        self._places = {place for place in possible if place.version == version}
        self._seen = last if first == last else -1
        return bool(self._places)


def _begun(task_id: str, routing: Routing, index: int) -> Place:
    version = routing.assign(task_id)
    return Place(version, version == routing.candidate, index)


def _places_until(place: Place, routings: Routings, first: int, last: int) -> set[Place]:
    found = {place} if place.seen >= first else set()
    for index in range(place.seen + 1, last + 1):
        place = place.after(routings.given[index], index)
        if index >= first:
            found.add(place)
    return found
