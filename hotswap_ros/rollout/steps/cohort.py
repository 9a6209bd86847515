# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The robots of the current step; conditions are evaluated again only for changed robots."""

from __future__ import annotations

from collections.abc import Callable, Set

from hotswap_ros.fleet.changes import Subset
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.plan import Step


class Cohort:
    """Keeps which robots of a step fulfil a condition on their reports."""

    def __init__(
        self, step: Step, model_id: str, view: FleetView, earlier: Set[str] = frozenset()
    ) -> None:
        self.robots = frozenset(step.robots)
        #: Robots on which no earlier step watched the candidate.
        self.new = self.robots - earlier
        self._step = step
        self._view = view
        self._changes = view.changes(model_id)
        self._subsets: dict[str, Subset] = {}

    def is_of(self, step: Step, view: FleetView) -> bool:
        """Return whether this cohort belongs to the step and the view."""
        return step is self._step and view is self._view

    def those(self, what: str, is_in: Callable[[str], bool]) -> Set[str]:
        """Return the robots that fulfil the condition `is_in`, whose name is `what`."""
        if what not in self._subsets:
            self._subsets[what] = Subset(self.robots, self._changes, is_in)
        return self._subsets[what].now()
