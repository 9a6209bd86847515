# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What is found out about one item of a checklist, and the words that all items say it with."""

from __future__ import annotations

from typing import NamedTuple

from hotswap_ros.plan.base import BasePlan
from hotswap_ros.plan.checklist.facts import Facts, VersionFacts
from hotswap_ros.plan.checklist.items import Checklist


class Finding(NamedTuple):
    """Whether an item is true (None: nobody knows), and a sentence with figure and remedy."""

    is_true: bool | None
    sentence: str


class Case(NamedTuple):
    """What an item is judged by."""

    plan: BasePlan
    checklist: Checklist
    facts: Facts

    @property
    def candidate(self) -> VersionFacts:
        """Return what is known of the version to roll out."""
        return self.version(self.plan.version)

    @property
    def previous(self) -> tuple[str, ...]:
        """Return the versions that the robots serve, sorted."""
        return tuple(sorted({robot.serves for robot in self.facts.robots}))

    def version(self, name: str) -> VersionFacts:
        """Return what is known of a version."""
        found = self.facts.versions.get(name)
        return VersionFacts(problem=f'nothing is known of {name}') if found is None else found


NO_ROBOT = Finding(None, 'No robot has been heard of: ask a coordinator that hears the fleet.')
