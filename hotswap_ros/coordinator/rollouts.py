# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The rollouts that a coordinator knows: those under way, and those that it saw end."""

from __future__ import annotations

from collections.abc import Iterator

from hotswap_ros.rollout.errors import SeveralRolloutsError, UnknownRolloutError
from hotswap_ros.rollout.runner import Runner


class Rollouts:
    """Runners by rollout id, in the order in which they began; iterates over those under way."""

    def __init__(self) -> None:
        self._known: dict[str, Runner] = {}
        self._active: dict[str, Runner] = {}

    def add(self, runner: Runner) -> None:
        """Add a rollout; it is under way until it has ended and `drop_ended` was called."""
        self._known[runner.state.rollout_id] = runner
        self._active[runner.state.rollout_id] = runner

    def remember(self, runner: Runner) -> None:
        """Add a rollout that is not under way, unless it is known."""
        self._known.setdefault(runner.state.rollout_id, runner)

    def drop_ended(self) -> tuple[str, ...]:
        """Drop the ended rollouts from those under way; return their ids."""
        ended = tuple(k for k, r in self._active.items() if r.state.status.is_terminal)
        for rollout_id in ended:
            del self._active[rollout_id]
        return ended

    def __iter__(self) -> Iterator[Runner]:
        return iter(self._active.values())

    def __len__(self) -> int:
        return len(self._active)

    @property
    def latest_id(self) -> str:
        """Return the newest rollout, empty when there is none."""
        return next(reversed(self._known), '')

    def known(self) -> Iterator[Runner]:
        """Return every rollout, ended or not."""
        return iter(self._known.values())

    def done(self, nonce: str) -> Runner | None:
        """Return the rollout with a command of this mark; None: there is none, or no mark."""
        found = (runner for runner in self._known.values() if nonce in runner.state.nonces)
        return next(found, None) if nonce else None

    @property
    def shown_ids(self) -> tuple[str, ...]:
        """Return the rollouts under way, or else the newest; empty when there is none."""
        return tuple(self._active) or ((self.latest_id,) if self._known else ())

    def get(self, rollout_id: str) -> Runner | None:
        """Return a rollout, ended or not; for an empty id the newest, if it can be under way."""
        if rollout_id:
            return self._known.get(rollout_id)
        return self._known[self.shown_ids[-1]] if self._known else None

    def running(self, rollout_id: str) -> Runner:
        """
        Return one under way, the only one for an empty id.

        Raises UnknownRolloutError or SeveralRolloutsError.
        """
        if rollout_id in self._active:
            return self._active[rollout_id]
        if not rollout_id and len(self._active) == 1:
            return next(iter(self))
        if not rollout_id and self._active:
            plans = {name: runner.state.plan for name, runner in self._active.items()}
            raise SeveralRolloutsError(
                {i: f'{p.version} of {p.model_id}' for i, p in plans.items()}
            )
        raise UnknownRolloutError(rollout_id)

    def of_model(self, model_id: str) -> list[Runner]:
        """Return the rollouts of a model that are under way."""
        return [runner for runner in self if runner.state.plan.model_id == model_id]
