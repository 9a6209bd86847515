# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sentences for people about rollbacks and other coordinators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized

from hotswap_ros.text import change, count, counted, few

_VERDICTS = {
    'as_before': 'as before',
    'worse': (
        'still worse than before; the version does not explain all of it; look for another cause'
    ),
    'undecided': 'too few tasks to say whether it is as before; check it yourself',
}


def ordered(robots: Sized, versions: str) -> str:
    """Return that a rollback was ordered."""
    return f'rollback of {counted(robots)} to {versions}'


def back_on(versions: str, confirmed: int, robots: Sized) -> str:
    """Return how many robots confirmed an ordered rollback."""
    return f'{versions} is back on {confirmed} of {counted(robots)}'


def durations(command_s: float, confirm_s: float, impact: str) -> str:
    """Return how long an ordered rollback took, and what the replaced versions had done."""
    return (
        f'commands sent after {command_s:.2f} s, last confirmation after {confirm_s:.2f} s; '
        f'the replaced versions had finished {impact}'
    )


def impact(of_rollout: int, of_start: int, is_least: bool) -> str:
    """Return how many tasks replaced versions had finished, see Impact."""
    text = f'{"at least " if is_least else ""}{count(of_rollout + of_start, "task")}'
    if not of_start:
        return f'{text} since the rollout began' if of_rollout else text
    if not of_rollout:
        return f"{text} since the robots' start"
    return f"{text}, {of_start:,} of them counted since the robots' start"


def verified(
    versions: str,
    after_s: float,
    verdict: str,
    tasks: tuple[int, int],
    tasks_before: tuple[int, int],
    drop: float | None,
    uncounted: Sized,
) -> str:
    """
    Return the verdict of a verification.

    `tasks` are the succeeded and the finished ones. `uncounted` robots have no part in it.
    """
    text = f'{after_s:.0f} s after the rollback {versions} succeeded in {tasks[0]:,} of '
    text += f'{count(tasks[1], "task")}{_compared(tasks, tasks_before, drop)}'
    text += f': {_VERDICTS[verdict]}'
    return f'{text}; {counted(uncounted)} could not be counted.' if uncounted else f'{text}.'


def _compared(tasks: tuple[int, int], tasks_before: tuple[int, int], drop: float | None) -> str:
    if drop is None:
        return ' that can be compared with earlier ones'
    rate, before = tasks[0] / tasks[1], tasks_before[0] / tasks_before[1]
    text = f' ({rate:.1%}), before in {tasks_before[0]:,} of {tasks_before[1]:,} ({before:.1%})'
    found = change(drop)
    return text if found == change(before - rate) else f'{text}; among comparable tasks {found}'


def refused(robot_id: str, text: str) -> str:
    """Return that a robot cannot load the version of a rollback."""
    return f'{robot_id} refused: {text}'


def took_over(rollback_id: str, robots: Iterable[str]) -> str:
    """Return that a newer rollback has robots of an older one."""
    return f'rollback {rollback_id} took over {few(robots)}'


def all_taken_over(taken: Mapping[str, str]) -> str:
    """Return which newer rollbacks have robots of an older one; `taken` is by robot."""
    robots: dict[str, list[str]] = {}
    for robot_id, rollback_id in taken.items():
        robots.setdefault(rollback_id, []).append(robot_id)
    return '; '.join(took_over(newer, names) for newer, names in robots.items())


def superseded(rollback_id: str) -> str:
    """Return that an ordered rollback ends a rollout."""
    return f'rollback {rollback_id} took over its robots'


def confirmed(robots: Iterable[str], versions: str) -> str:
    """Return that robots confirmed a pending rollback."""
    return f'{few(robots)} reconnected and confirmed the pending rollback to {versions}'


def dropped(robots: Iterable[str], versions: str) -> str:
    """Return that robots should serve another version than that of a pending rollback."""
    return f'pending rollback of {few(robots)} to {versions} dropped: superseded'


def older_coordinator(epoch: int, own_epoch: int) -> str:
    """Return that a coordinator that was started earlier runs."""
    remedy = 'it stops sending commands when it receives a heartbeat of this one; stop it'
    return f'{_another(epoch, own_epoch)}: {remedy}'


def equal_coordinator(epoch: int, own_epoch: int) -> str:
    """Return that a coordinator with the same epoch runs."""
    problem = 'robots cannot tell them apart and get conflicting commands; stop one of them'
    return f'{_another(epoch, own_epoch)}: {problem}'


def _another(epoch: int, own_epoch: int) -> str:
    return f'another coordinator runs in this fleet, with epoch {epoch}; this one has {own_epoch}'


def newer_coordinator(epoch: int, own_epoch: int) -> str:
    """Return the heartbeat that shows that a newer coordinator has the fleet."""
    return f'epoch {epoch}, this one has {own_epoch}'


def newer_generation(robot_id: str, generation: int, own_epoch: int) -> str:
    """Return the command that shows that a newer coordinator has the fleet."""
    return f'it sent {robot_id} generation {generation}, this one has epoch {own_epoch}'
