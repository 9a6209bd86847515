# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The rollbacks that somebody ordered and that are under way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from hotswap_ros.rollout._commands import Command, Desired, LoadVersion
from hotswap_ros.rollout._desired import DesiredFleet
from hotswap_ros.rollout._errors import OverlapError
from hotswap_ros.rollout._fleet import FleetView
from hotswap_ros.rollout._history import undone_by
from hotswap_ros.rollout._journal import Journal
from hotswap_ros.rollout._rollback import Rollback, RollbackState
from hotswap_ros.rollout._roster import Roster
from hotswap_ros.rollout._runner import Runner
from hotswap_ros.rollout._state import Cause
from hotswap_ros.rollout._targets import find_targets, what_it_serves


class Orders:
    """Takes orders, and follows each to its end; one that the journal holds as open goes on."""

    def __init__(self, journal: Journal, now: float) -> None:
        self._journal = journal
        self._active = [Rollback(state, now) for state in journal.active_rollbacks()]

    def __iter__(self) -> Iterator[Rollback]:
        return iter(self._active)

    def __len__(self) -> int:
        return len(self._active)

    def __contains__(self, rollback: object) -> bool:
        return rollback in self._active

    def refuse_overlap(self, model_id: str) -> None:
        """Raise OverlapError where a rollback of the model is under way."""
        if any(rollback.model_id == model_id for rollback in self._active):
            raise OverlapError(model_id, 'a rollback')

    def order(
        self,
        rollback_id: str,
        model_id: str,
        version: str,
        robot_ids: Sequence[str],
        view: FleetView,
        desired: DesiredFleet,
        rollouts: Roster,
        now: float,
    ) -> Rollback:
        """
        Begin one; a rollout of the model that is under way ends.

        Raises OverlapError, UnknownRobotError or NothingToRollBackError: then nothing has changed.
        """
        self.refuse_overlap(model_id)
        reports = view.reports(model_id)
        before = {
            robot_id: desired.get(model_id, robot_id) or what_it_serves(report)
            for robot_id, report in reports.items()
        }
        targets = find_targets(model_id, version, robot_ids, reports, desired)
        # Those that have ended are still there until their end is in the journal.
        known = {runner.state.rollout_id: runner for runner in rollouts.of_model(model_id)}
        superseded = [r for r in known.values() if not r.state.status.is_terminal]
        put_back = _supersede(superseded, now)
        targets, before = {**put_back, **targets}, {**before, **put_back}
        state = RollbackState(
            rollback_id=rollback_id,
            model_id=model_id,
            targets=targets,
            before={robot_id: before[robot_id] for robot_id in targets},
            ordered=now,
            saved_at=now,
        )
        state.undoes = (
            superseded[0].state.rollout_id
            if superseded
            else undone_by(
                state,
                [
                    replace(found, status=known[found.rollout_id].state.status)
                    if found.rollout_id in known
                    else found
                    for found in self._journal.history()
                ],
            )
        )
        rollback = Rollback(state, now)
        self._active.append(rollback)
        return rollback

    def refused(self, command: Command, cause: Cause, message: str) -> None:
        """Take a robot's word that it cannot load a version."""
        if isinstance(command, LoadVersion):
            for rollback in self._active:
                if rollback.model_id == command.model_id:
                    rollback.load_refused(command, cause, message)

    def drop_ended(self) -> tuple[str, ...]:
        """Count those that are done no longer as under way; return their ids."""
        ended = tuple(r.state.rollback_id for r in self._active if r.is_done)
        self._active = [r for r in self._active if not r.is_done]
        return ended


def _supersede(runners: Iterable[Runner], now: float) -> dict[str, Desired]:
    """End rollouts; return what their robots are to serve instead."""
    wishes: dict[str, Desired] = {}
    for runner in runners:
        runner.supersede('a rollback took over its robots', now)
        wishes |= {wish.robot_id: wish for wish in runner.wants()}
    return wishes
