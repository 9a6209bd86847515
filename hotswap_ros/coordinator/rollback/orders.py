# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Ordered rollbacks that are under way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from hotswap_ros.coordinator import sentences
from hotswap_ros.coordinator.history import rolled_back_by
from hotswap_ros.coordinator.journal import Journal
from hotswap_ros.coordinator.journal_errors import JournalError
from hotswap_ros.coordinator.rollback.impact import replaced_versions
from hotswap_ros.coordinator.rollback.rollback import Rollback
from hotswap_ros.coordinator.rollback.state import RollbackState
from hotswap_ros.coordinator.rollback.targets import desired_as_reported, find_targets
from hotswap_ros.coordinator.rollouts import Rollouts
from hotswap_ros.coordinator.views import RolloutSummary
from hotswap_ros.fleet.commands import Command, LoadVersion
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.desired_fleet import DesiredFleet
from hotswap_ros.fleet.events import EventLog
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.rollout.errors import OverlapError
from hotswap_ros.rollout.robot_progress import Mark
from hotswap_ros.rollout.runner import Runner
from hotswap_ros.rollout.status import Cause


class RollbackOrders:
    """Ordered rollbacks from order to end; those that have not ended in the journal continue."""

    def __init__(self, journal: Journal, log: EventLog, now: float) -> None:
        self._journal = journal
        self._log = log
        self._active = [Rollback(state, log, now) for state in journal.active_rollbacks()]

    def __iter__(self) -> Iterator[Rollback]:
        return iter(self._active)

    def __len__(self) -> int:
        return len(self._active)

    def __contains__(self, rollback: object) -> bool:
        return rollback in self._active

    def refuse_overlap(self, model_id: str, robots: Set[str]) -> None:
        """Raise OverlapError where a rollback of the model is under way on any of the robots."""
        for rollback in self._of_model(model_id):
            common = rollback.robots & robots
            if common and not rollback.is_done:
                what = f'rollback {rollback.state.rollback_id}'
                raise OverlapError(model_id, what, common, 'wait for its end, a minute at most')

    def robots(self, model_id: str) -> set[str]:
        """Return the robots of a model that rollbacks under way have."""
        return {robot_id for rollback in self._of_model(model_id) for robot_id in rollback.robots}

    def _of_model(self, model_id: str) -> list[Rollback]:
        return [rollback for rollback in self._active if rollback.model_id == model_id]

    def order(
        self,
        rollback_id: str,
        model_id: str,
        version: str,
        robot_ids: Sequence[str],
        view: FleetView,
        desired: DesiredFleet,
        rollouts: Rollouts,
        now: float,
        nonce: str = '',
    ) -> Rollback:
        """
        Begin a rollback, which takes its robots over from those under way.

        One that was ordered with the same `nonce`, or that does the same already, is returned.

        A rollout of the model that is under way on any of its robots ends. Raises
        UnknownRobotError or NothingToRollBackError: then nothing has changed.
        """
        known_order = self._ordered_as(nonce, now)
        if known_order is not None:
            return known_order
        reports = view.reports(model_id)
        before = {
            robot_id: desired.get(model_id, robot_id) or desired_as_reported(report)
            for robot_id, report in reports.items()
        }
        targets = find_targets(model_id, version, robot_ids, reports, desired)
        same = self._same(model_id, targets)
        if same is not None:
            return same
        # Rollouts that have ended are still there until their end is in the journal.
        known = {runner.state.rollout_id: runner for runner in rollouts.of_model(model_id)}
        superseded = [
            runner
            for runner in known.values()
            if not runner.state.status.is_terminal and targets.keys() & runner.state.robots.keys()
        ]
        previous = _supersede(superseded, rollback_id, now)
        # A robot that was not heard since a restart still belongs to its rollout.
        unheard = {r: desired.get(model_id, r) or previous[r] for r in previous.keys() - before}
        serves = {**before, **unheard}
        targets, before = {**previous, **targets}, {**before, **previous}
        for older in self._of_model(model_id):
            had = older.hand_over(targets.keys(), rollback_id, view, now)
            before, serves = {**before, **had}, {**serves, **had}
        state = RollbackState(
            rollback_id=rollback_id,
            model_id=model_id,
            targets=targets,
            before={robot_id: before[robot_id] for robot_id in targets},
            ordered=now,
            saved_at=now,
            nonce=nonce,
        )
        state.rolls_back = (
            superseded[0].state.rollout_id
            if superseded
            else rolled_back_by(state, self._history(known.values()))
        )
        reversed_rollouts = superseded or filter(None, [known.get(state.rolls_back)])
        marks = self._marks(reversed_rollouts, state.rolls_back)
        state.replaced = replaced_versions(serves, targets, marks)
        rollback = Rollback(state, self._log, now)
        rollback.begin(now)
        self._active.append(rollback)
        return rollback

    def _ordered_as(self, nonce: str, now: float) -> Rollback | None:
        """Return the rollback of an order with this mark, under way or ended; None: none."""
        if not nonce:
            return None
        for rollback in self._active:
            if rollback.state.nonce == nonce:
                return rollback
        try:
            state = self._journal.rollback_of(nonce)
        except JournalError:
            return None  # Nobody can tell; to roll back twice is better than not at all.
        return None if state is None else Rollback(state, self._log, now)

    def _same(self, model_id: str, targets: Mapping[str, Desired]) -> Rollback | None:
        """Return a rollback under way that does just this, and that no robot has refused."""
        wanted = {robot_id: target.routing for robot_id, target in targets.items()}
        for rollback in self._of_model(model_id):
            has = {r: rollback.state.targets[r].routing for r in rollback.robots}
            if has == wanted and not (rollback.is_done or rollback.state.refused):
                return rollback
        return None

    def _marks(self, runners: Iterable[Runner], rollout_id: str) -> dict[tuple[str, str], Mark]:
        """Return what versions had done when the reversed rollouts began to serve them."""
        states = [runner.state for runner in runners]
        if not states:
            try:
                return self._journal.marks(rollout_id)
            except JournalError:
                return {}  # The rollback counts tasks since the robots' start.
        return {(r, s.plan.version): mark for s in states for r, mark in s.marks.items()}

    def _history(self, runners: Iterable[Runner]) -> list[RolloutSummary]:
        """Return the history of the journal, with the ends that it does not hold yet."""
        statuses = {runner.state.rollout_id: runner.state.status for runner in runners}
        statuses |= {r.state.rollback_id: r.state.status for r in self._active}
        try:
            history = self._journal.history()
        except JournalError:
            return []  # An order does not wait for a journal that can be read.
        return [
            replace(found, status=statuses.get(found.rollout_id, found.status))
            for found in history
        ]

    def refused(self, command: Command, cause: Cause, message: str) -> None:
        """Take a robot's answer that it cannot load a version."""
        if isinstance(command, LoadVersion):
            for rollback in self._active:
                if rollback.model_id == command.model_id:
                    rollback.load_refused(command, cause, message)

    def drop_ended(self) -> tuple[str, ...]:
        """Drop the rollbacks that are done; return their ids."""
        ended = tuple(r.state.rollback_id for r in self._active if r.is_done)
        self._active = [r for r in self._active if not r.is_done]
        return ended


def _supersede(runners: Iterable[Runner], rollback_id: str, now: float) -> dict[str, Desired]:
    """End rollouts; return what their robots should serve instead."""
    desired: dict[str, Desired] = {}
    for runner in runners:
        runner.supersede(sentences.superseded(rollback_id), now)
        desired |= {entry.robot_id: entry for entry in runner.desired()}
    return desired
