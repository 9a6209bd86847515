# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The finding on one item of a checklist, and the case that all items are judged by."""

from __future__ import annotations

from typing import NamedTuple

from hotswap_ros.plan.base import BasePlan
from hotswap_ros.plan.checklist.facts import Facts, VersionFacts
from hotswap_ros.plan.checklist.items import Checklist


class Finding(NamedTuple):
    """Whether an item is true (None: not known), and a sentence with the figure and the remedy."""

    is_true: bool | None
    sentence: str


class Case(NamedTuple):
    """The plan, its checklist and the facts: all that an item is judged by."""

    plan: BasePlan
    checklist: Checklist
    facts: Facts

    @property
    def candidate(self) -> VersionFacts:
        """Return the facts on the version to roll out."""
        return self.version(self.plan.version)

    @property
    def previous(self) -> tuple[str, ...]:
        """Return the versions that the robots serve, sorted."""
        return tuple(sorted({robot.serves for robot in self.facts.robots} - {''}))

    def version(self, name: str) -> VersionFacts:
        """Return the facts on a version."""
        found = self.facts.versions.get(name)
        return VersionFacts(problem=f'{name} is unknown') if found is None else found


NO_ROBOT = Finding(None, 'No robot is known: ask a coordinator that hears the fleet.')
