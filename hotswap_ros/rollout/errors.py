# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Refusals of what a person asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hotswap_ros.limits import NONCE_CHARACTERS
from hotswap_ros.text import few


class RolloutError(Exception):
    """Root of the refusals: nothing was changed."""


class NoRobotsError(RolloutError):
    """No robot can take part in a rollout."""

    def __init__(self, model_id: str, version: str, known: int) -> None:
        if known:
            text = f"every robot that serves '{model_id}' serves {version} already"
        else:
            text = (
                f"no robot that serves model '{model_id}' is known: check 'modelId', and that "
                'model servers run on the same ROS domain'
            )
        super().__init__(text)


class OverlapError(RolloutError):
    """Another rollout or rollback of the model is under way on some of the robots."""

    def __init__(self, model_id: str, what: str, robots: Iterable[str], remedy: str) -> None:
        names = few(sorted(robots))
        super().__init__(f"{what} of model '{model_id}' is under way on {names}: {remedy}")


class UnknownRolloutError(RolloutError):
    """There is no such rollout."""

    def __init__(self, rollout_id: str) -> None:
        what = f"there is no rollout '{rollout_id}'" if rollout_id else 'no rollout is under way'
        super().__init__(f"{what}: 'hotswap history' lists all rollouts")


class SeveralRolloutsError(RolloutError):
    """More than one rollout is under way, and none is named."""

    def __init__(self, rollouts: Mapping[str, str]) -> None:
        names = ', '.join(f'{rollout_id} ({what})' for rollout_id, what in rollouts.items())
        super().__init__(f'{len(rollouts)} rollouts are under way: name one of {names}')


class UnknownRobotError(RolloutError):
    """Some of the named robots are unknown."""

    def __init__(self, robot_ids: list[str], known: list[str]) -> None:
        names = ', '.join(known[:20]) or 'none'
        super().__init__(f'unknown robots: {", ".join(robot_ids)} (known: {names})')


class MissingVersionError(RolloutError):
    """No robot ever had a version, and the model repository does not have it."""

    def __init__(self, model_id: str, version: str, known: Iterable[str]) -> None:
        names = sorted(known)
        super().__init__(
            f"no robot has had version '{version}' of model '{model_id}', and it is not in the "
            f'model repository of the coordinator (known: {few(names, 10) or "none"}): '
            'name another version, or add it there'
        )


class NothingToRollBackError(RolloutError):
    """No robot has a previous version."""

    def __init__(self, model_id: str, known: int) -> None:
        super().__init__(
            f"none of {known} robots that serve '{model_id}' has a previous version: name the "
            'version to roll back to'
        )


class TakenOverError(RolloutError):
    """Another coordinator has taken the fleet over."""

    def __init__(self, evidence: str) -> None:
        super().__init__(
            f'another coordinator, started later, has taken over this fleet ({evidence}). '
            'This one sends no more commands; stop it, and use the other one. If it is restarted, '
            'it takes over the fleet with the desired routings of its own journal'
        )


class BadNonceError(RolloutError):
    """The text that marks copies of a command is too long."""

    def __init__(self, characters: int) -> None:
        super().__init__(
            f"field 'nonce' has {characters} characters: give at most {NONCE_CHARACTERS}"
        )


class CommandRefusedError(RolloutError):
    """A verb is not possible in the rollout's status."""

    def __init__(self, verb: str, status: str, why: str) -> None:
        super().__init__(f'cannot {verb} a rollout that is {status}: {why}')
