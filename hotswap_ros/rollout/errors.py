# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a person can ask for in vain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hotswap_ros.text import few


class RolloutError(Exception):
    """Root of the refusals: nothing was changed."""


class NoRobotsError(RolloutError):
    """Nobody is there to take part in a rollout."""

    def __init__(self, model_id: str, version: str, heard_of: int) -> None:
        if heard_of:
            text = f"every robot that serves '{model_id}' serves {version} already"
        else:
            text = (
                f"no robot that serves model '{model_id}' has been heard of: check 'modelId', and "
                'that model servers run on the same ROS domain'
            )
        super().__init__(text)


class OverlapError(RolloutError):
    """Something else of the model is under way on some of the robots."""

    def __init__(self, model_id: str, what: str, robots: Iterable[str], remedy: str) -> None:
        names = few(sorted(robots))
        super().__init__(f"{what} of model '{model_id}' is under way on {names}: {remedy}")


class UnknownRolloutError(RolloutError):
    """There is no such rollout."""

    def __init__(self, rollout_id: str) -> None:
        what = f"there is no rollout '{rollout_id}'" if rollout_id else 'no rollout is under way'
        super().__init__(f'{what}: list_rollouts (hotswap history) names those that there were')


class SeveralRolloutsError(RolloutError):
    """More than one rollout is under way, and none is named."""

    def __init__(self, rollouts: Mapping[str, str]) -> None:
        names = ', '.join(f'{rollout_id} ({what})' for rollout_id, what in rollouts.items())
        super().__init__(f'{len(rollouts)} rollouts are under way: name one of {names}')


class UnknownRobotError(RolloutError):
    """Robots are named that nobody has heard of."""

    def __init__(self, robot_ids: list[str], known: list[str]) -> None:
        names = ', '.join(known[:20]) or 'none'
        super().__init__(f'robots not heard of: {", ".join(robot_ids)}; heard of: {names}')


class NothingToRollBackError(RolloutError):
    """No robot has a version to go back to."""

    def __init__(self, model_id: str, heard_of: int) -> None:
        super().__init__(
            f"none of {heard_of} robots that serve '{model_id}' has served another version "
            'before: name the version to put back'
        )


class TakenOverError(RolloutError):
    """Another coordinator has taken the fleet over."""

    def __init__(self, evidence: str) -> None:
        super().__init__(
            f'another coordinator, started later, has taken over this fleet ({evidence}). '
            'This one says nothing more to robots; stop it, '
            'and ask the other. Started again it would take the fleet back to '
            'what its own journal says'
        )


class CommandRefusedError(RolloutError):
    """A verb is not possible in the rollout's status."""

    def __init__(self, verb: str, status: str, why: str) -> None:
        super().__init__(f'cannot {verb} a rollout that is {status}: {why}')
