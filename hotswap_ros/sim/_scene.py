# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a task is drawn from: the scene of one task, and what makes one robot unlike another."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np

Point = tuple[float, float, float]

#: Task categories and how often they come.
CATEGORIES = {'near': 0.4, 'far': 0.25, 'heavy': 0.2, 'cluttered': 0.15}


@dataclass(frozen=True)
class Traits:
    """
    What makes a robot unlike its sisters.

    `camera_offset` is the error of its hand-eye calibration (radial, tangential, vertical, m),
    `load_factor` how much heavier its aisle's payloads are, `stiffness` scales its servo gains.
    """

    camera_offset: Point
    load_factor: float
    stiffness: float


@dataclass(frozen=True)
class Scene:
    """
    One task: from where, to where, with what.

    `start` and `goal` are azimuth (rad), distance from the base axis (m) and height (m) of the
    payload; `post` is azimuth, distance and height of the top of the post. `grip_n` is the force
    at which the payload slips out of the gripper. `camera_error` is what the looks of this goal add
    to the robot's calibration error (radial, tangential, vertical, m), `post_error` by how much the
    post is not where the robot's map has it (rad, m, m).
    """

    category: str
    start: Point
    goal: Point
    post: Point
    payload_kg: float
    grip_n: float
    camera_error: Point
    post_error: Point


def generator(seed: int, robot_id: str, purpose: str) -> np.random.Generator:
    """Return random numbers that depend on nothing but the arguments, on every machine."""
    text = f'{seed}/{robot_id}/{purpose}'.encode()
    digest = hashlib.blake2b(text, digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, 'big'))


def draw_traits(random: np.random.Generator) -> Traits:
    """Draw a robot: calibrated to about 1.7 mm, its aisle's goods 20% heavier or lighter."""
    offset = random.normal(0.0, 0.0017, 3).tolist()
    load, stiffness = random.normal(0.0, (0.2, 0.05)).tolist()
    return Traits((offset[0], offset[1], offset[2]), math.exp(load), math.exp(stiffness))


def draw_scene(random: np.random.Generator, traits: Traits) -> Scene:
    """Draw a task. Takes the same number of random numbers whatever the category."""
    pick, *u = random.random(13).tolist()
    error = random.normal(0.0, 0.0036, 3).tolist()
    post_error = random.normal(0.0, 0.02, 3).tolist()
    category = _category(pick)
    far = category == 'far'
    span = _between(u[0], 0.9, 1.6) if far or category == 'cluttered' else _between(u[0], 0.4, 0.9)
    goal_distance = _between(u[1], 0.56, 0.7) if far else _between(u[1], 0.36, 0.56)
    start = (_between(u[2], -1.2, 1.2), _between(u[3], 0.36, 0.6), _between(u[4], 0.1, 0.4))
    turn = span if u[5] < 0.5 else -span
    goal = (start[0] + turn, goal_distance, _between(u[6], 0.06, 0.35))
    nearer = min(start[1], goal[1])
    aside = _between(u[7], 0.4, 0.6) * turn
    beyond = turn + math.copysign(_between(u[7], 0.6, 1.2), turn)
    post = (
        start[0] + (aside if category == 'cluttered' else beyond),
        _between(u[8], 0.3, nearer),
        _between(u[9], 0.12, 0.26),
    )
    kilograms = _between(u[10], 1.2, 2.0) if category == 'heavy' else _between(u[10], 0.2, 0.8)
    return Scene(
        category=category,
        start=start,
        goal=goal,
        post=post,
        payload_kg=kilograms * traits.load_factor,
        grip_n=_between(u[11], 27.0, 50.0),
        camera_error=(error[0], error[1], error[2]),
        post_error=(post_error[0], post_error[1], post_error[2]),
    )


def cartesian(place: Point) -> Point:
    """Turn azimuth (rad), distance (m), height (m) into x, y, z (m)."""
    azimuth, distance, height = place
    return distance * math.cos(azimuth), distance * math.sin(azimuth), height


def _category(pick: float) -> str:
    for category, share in CATEGORIES.items():
        pick -= share
        if pick < 0.0:
            return category
    return category


def _between(u: float, low: float, high: float) -> float:
    return low + u * (high - low)
