# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A film of policies that do the same tasks side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hotswap_ros.sim.arm.scene import Point
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, PickWorld, TaskEnd
from hotswap_ros.sim.film.painters import Painter, Pose
from hotswap_ros.sim.policies.episodes import Policy

#: Pictures per second of film; each is one control period: the film runs in slow motion.
PICTURES_PER_S = 12.5
#: Number of pictures for which the end of a task stays.
_HOLD = 10
_BAR = 26
#: Number of tasks in which a difference is searched.
_MOST_TASKS = 200
_BACKGROUND, _INK, _GOOD, _BAD = '#20242a', '#e8ebef', '#57c27a', '#f0695f'


class Take(NamedTuple):
    """One task of one policy: its poses, one per control period, and its end."""

    poses: tuple[Pose, ...]
    category: str
    end: TaskEnd


@dataclass(frozen=True)
class Film:
    """The takes of the policies `names`: for each task one take per policy, in this order."""

    names: tuple[str, ...]
    tasks: tuple[tuple[Take, ...], ...]

    def sentence(self) -> str:
        """Return how the tasks ended, for people."""
        ends = zip(self.names, zip(*self.tasks))
        return ', '.join(
            f'{name} {sum(take.end.success for take in takes)} of {len(takes)} tasks'
            for name, takes in ends
        )


def shoot(policies: dict[str, Policy], robot_id: str, seed: int, first: int, tasks: int) -> Film:
    """Run each policy on the same `tasks` tasks of a robot, from task number `first` on."""
    takes = [_takes(PickWorld(robot_id, seed), one, first, tasks) for one in policies.values()]
    return Film(tuple(policies), tuple(zip(*takes)))


def find_difference(policies: dict[str, Policy], robot_id: str, seed: int) -> int:
    """Return the number of the first task with different ends; 1: there is none."""
    worlds = [(PickWorld(robot_id, seed), policy) for policy in policies.values()]
    for number in range(1, _MOST_TASKS):
        ends = [_take(world, policy).end.success for world, policy in worlds]
        if len(set(ends)) > 1:
            return number
    return 1


def _takes(world: PickWorld, policy: Policy, first: int, tasks: int) -> tuple[Take, ...]:
    for _ in range(first - 1):
        world.begin()
    return tuple(_take(world, policy) for _ in range(tasks))


def _take(world: PickWorld, policy: Policy) -> Take:
    category = world.begin().category
    way: list[Point] = []
    poses = []
    end = None
    while end is None:
        way.append(world.arm.hand)
        yaw, shoulder, elbow = world.arm.joints
        poses.append(Pose(world.scene, (yaw, shoulder, elbow), tuple(way)))
        end = world.step(policy(world.observation()))
    return Take(tuple(poses), category, end)


def save(
    film: Film, painter: Painter, path: Path, progress: Callable[[], None] = lambda: None
) -> int:
    """
    Write a film as GIF or WebP, by the ending of `path`; returns its size in bytes.

    `progress` is called after every picture. Raises ValueError for another ending, and OSError.
    """
    if path.suffix not in ('.gif', '.webp'):
        raise ValueError(f"'{path.name}' must end in .gif or .webp")
    pictures = []
    for picture in _pictures(film, painter):
        pictures.append(picture)
        progress()
    how: dict[str, Any] = {'duration': round(1000 / PICTURES_PER_S), 'loop': 0}
    if path.suffix == '.gif':
        # One palette for all pictures: several would make the background flicker and cost bytes.
        # Coverage, not frequency: arm and payload are small, and floor and sky have many greys.
        palette = pictures[0].quantize(192, method=1)
        pictures = [picture.quantize(palette=palette, dither=0) for picture in pictures]
        how['optimize'] = False
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **how)
    return path.stat().st_size


def length_of(film: Film) -> int:
    """Return the number of pictures of a film."""
    return sum(_length(takes) + _HOLD for takes in film.tasks)


def _length(takes: Sequence[Take]) -> int:
    return max(len(take.poses) for take in takes)


def _pictures(film: Film, painter: Painter) -> Iterator[Any]:
    scores = [0] * len(film.names)
    for number, takes in enumerate(film.tasks):
        length = _length(takes)
        for step in range(length + _HOLD):
            panels = [
                _panel(painter, name, take, step, score, number)
                for name, take, score in zip(film.names, takes, scores)
            ]
            yield _side_by_side(panels)
        scores = [score + take.end.success for score, take in zip(scores, takes)]


def _panel(painter: Painter, name: str, take: Take, step: int, score: int, done: int) -> Any:
    from PIL import Image, ImageDraw, ImageFont

    is_over = step >= len(take.poses)
    pose = take.poses[min(step, len(take.poses) - 1)]
    seen = Image.fromarray(painter.paint(pose))
    panel = Image.new('RGB', (seen.width, seen.height + 2 * _BAR), _BACKGROUND)
    panel.paste(seen, (0, _BAR))
    draw = ImageDraw.Draw(panel)
    font = ImageFont.load_default(14)
    score += is_over and take.end.success
    count = f'{score} of {done + is_over} placed'
    draw.text((10, 5), name, fill=_INK, font=font)
    draw.text((seen.width - 10, 5), count, fill=_INK, font=font, anchor='ra')
    below = seen.height + _BAR + 5
    seconds = min(step, len(take.poses)) * CONTROL_PERIOD_S
    draw.text((10, below), f'{take.category} task, {seconds:.1f} s', fill=_INK, font=font)
    if is_over:
        text, colour = (take.end.error, _BAD) if take.end.error else ('placed', _GOOD)
        draw.text((seen.width - 10, below), text, fill=colour, font=font, anchor='ra')
    return panel


def _side_by_side(panels: Sequence[Any]) -> Any:
    from PIL import Image

    gap = 4
    width = sum(panel.width for panel in panels) + gap * (len(panels) - 1)
    whole = Image.new('RGB', (width, panels[0].height), _BACKGROUND)
    left = 0
    for panel in panels:
        whole.paste(panel, (left, 0))
        left += panel.width + gap
    return whole
