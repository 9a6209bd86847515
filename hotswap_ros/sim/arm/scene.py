# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Scenes of tasks and differences between robots, drawn from a seed."""

from __future__ import annotations

import hashlib
import math
from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

Point = tuple[float, float, float]

#: Task categories and the share of tasks that each has.
CATEGORIES = {'near': 0.4, 'far': 0.25, 'heavy': 0.2, 'cluttered': 0.15}
#: Number of objects around the goal of a cluttered task.
CLUTTER = 3
#: Smallest and largest payload.
PAYLOAD_RADIUS_M = (0.02, 0.035)
_NAMES = tuple(CATEGORIES)
_SHARES = tuple(accumulate(CATEGORIES.values()))[:-1]


@dataclass(frozen=True)
class Traits:
    """
    The individual properties of a robot.

    `camera_offset` is the error of its hand-eye calibration (radial, tangential, vertical, m),
    `load_factor` scales the payloads of its aisle, `stiffness` its servo gains, `grip_factor` the
    force of its gripper, which wears.
    """

    camera_offset: Point
    load_factor: float
    stiffness: float
    grip_factor: float


@dataclass(frozen=True)
class Scene:
    """
    The scene of one task: start, goal and payload.

    `start` and `goal` are azimuth (rad), distance from the base axis (m) and height (m) of the
    payload; `post` is azimuth, distance and height of the top of the post, `clutter` those of
    objects around the goal. `grip_n` is the force at which the payload slips out of the gripper.
    `camera_error` is the error that the appearance of this goal adds to the robot's calibration
    error (radial, tangential, vertical, m), `post_error` the error of the post in the robot's map
    (rad, m, m).
    """

    category: str
    start: Point
    goal: Point
    post: Point
    clutter: tuple[Point, ...]
    payload_kg: float
    payload_radius_m: float
    grip_n: float
    camera_error: Point
    post_error: Point


def generator(seed: int, robot_id: str, purpose: str) -> np.random.Generator:
    """Return random numbers that depend only on the arguments, on every machine."""
    text = f'{seed}/{robot_id}/{purpose}'.encode()
    digest = hashlib.blake2b(text, digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, 'big'))


def draw_traits(random: np.random.Generator) -> Traits:
    """Draw a robot: calibrated to 1.2 mm, payloads and gripper varied by a quarter."""
    return Traits(
        camera_offset=_normal(random, 0.0012),
        load_factor=random.lognormal(0.0, 0.3),
        stiffness=random.lognormal(0.0, 0.05),
        grip_factor=random.lognormal(0.0, 0.2),
    )


def draw_scene(random: np.random.Generator, traits: Traits) -> Scene:
    """Draw a task of one of the categories."""
    uniform = random.uniform
    category = _NAMES[bisect(_SHARES, random.random())]
    far, cluttered = category == 'far', category == 'cluttered'
    span = uniform(0.9, 1.6) if far or cluttered else uniform(0.4, 0.9)
    goal_distance = uniform(0.56, 0.7) if far else uniform(0.36, 0.56)
    start = (uniform(-1.2, 1.2), uniform(0.36, 0.6), uniform(0.1, 0.4))
    turn = span if random.random() < 0.5 else -span
    goal = (start[0] + turn, goal_distance, uniform(0.1, 0.36))
    post_turn = turn * uniform(0.4, 0.6) if cluttered else turn + uniform(0.6, 1.2) * turn / span
    post = (start[0] + post_turn, uniform(0.3, min(start[1], goal[1])), uniform(0.12, 0.26))
    payload_kg = uniform(1.2, 2.0) if category == 'heavy' else uniform(0.2, 0.8)
    return Scene(
        category=category,
        start=start,
        goal=goal,
        post=post,
        clutter=_draw_clutter(random, goal) if cluttered else (),
        payload_kg=payload_kg * traits.load_factor,
        payload_radius_m=uniform(*PAYLOAD_RADIUS_M),
        grip_n=uniform(33.0, 52.0) * traits.grip_factor,
        camera_error=_normal(random, 0.00385),
        post_error=_normal(random, 0.03),
    )


def _draw_clutter(random: np.random.Generator, goal: Point) -> tuple[Point, ...]:
    """Draw low objects on the floor around and below a goal."""
    return tuple(
        (
            goal[0] + random.uniform(-0.3, 0.3),
            goal[1] + random.uniform(-0.1, 0.1),
            random.uniform(0.02, 0.06),
        )
        for _ in range(CLUTTER)
    )


def cartesian(place: Point) -> Point:
    """Turn azimuth (rad), distance (m), height (m) into x, y, z (m)."""
    azimuth, distance, height = place
    return distance * math.cos(azimuth), distance * math.sin(azimuth), height


def _normal(random: np.random.Generator, deviation: float) -> Point:
    radial, tangential, vertical = random.normal(0.0, deviation, 3).tolist()
    return radial, tangential, vertical
