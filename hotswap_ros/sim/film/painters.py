# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pictures of the arm: rendered by MuJoCo if there is OpenGL, else drawn."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hotswap_ros.sim.arm.arm import CLUTTER_RADIUS_M, LINK_M, POST_RADIUS_M, SHOULDER_HEIGHT_M, Arm
from hotswap_ros.sim.arm.scene import Point, Scene, cartesian

Picture = NDArray[np.uint8]

#: Names of the renderers, best first.
RENDERERS = ('egl', 'osmesa', 'drawn')

#: The camera: distance, elevation, and azimuth relative to the task.
_FAR_M, _DOWN_RAD, _ASIDE_RAD = 1.5, 0.45, 0.44
#: Distance between the end of the drawn arm and the centre of its payload.
_SHORTER_M = 0.06


@dataclass(frozen=True)
class Pose:
    """The joints (yaw, shoulder, elbow, rad) at a moment of a task, and the path of the hand."""

    scene: Scene
    joints: tuple[float, float, float]
    way: tuple[Point, ...]


class Painter(Protocol):
    """Makes pictures of one size, uint8 of shape (height, width, 3)."""

    def paint(self, pose: Pose) -> Picture:
        """Return the arm at a moment of a task, seen from the side that the task is on."""


class RendererMissingError(Exception):
    """A renderer does not work here; the text says why, and what to do."""


def choose(name: str) -> str:
    """
    Return the renderer of this name ('auto': the best that works), and set MuJoCo up for it.

    Call it before the import of MuJoCo, which searches for OpenGL. Raises RendererMissingError.
    """
    wanted = RENDERERS if name == 'auto' else (name,)
    for one in wanted:
        if one == 'drawn' or _works(one):
            if one != 'drawn':
                os.environ.update(_settings(one))
            return one
    raise RendererMissingError(
        f"'{name}' does not work here: install its library (and PyOpenGL), or use --renderer drawn"
    )


def _works(gl: str) -> bool:
    """Return whether MuJoCo renders, tested in another process, as a broken OpenGL ends it."""
    if 'mujoco' in sys.modules and os.environ.get('MUJOCO_GL') != gl:
        return False
    tried = subprocess.run(
        [sys.executable, '-c', _TRIAL],
        env={**os.environ, **_settings(gl)},
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


def _settings(gl: str) -> dict[str, str]:
    return {'MUJOCO_GL': gl, 'PYOPENGL_PLATFORM': gl}


_TRIAL = """
import mujoco
model = mujoco.MjModel.from_xml_string('<mujoco/>')
renderer = mujoco.Renderer(model, 8, 8)
renderer.update_scene(mujoco.MjData(model))
renderer.render()
"""


def painter(chosen: str, width: int, height: int) -> Painter:
    """Return the renderer that `choose` returned."""
    return Drawn(width, height) if chosen == 'drawn' else Rendered(width, height)


class Rendered:
    """MuJoCo's renderer, without a window."""

    def __init__(self, width: int, height: int) -> None:
        import mujoco

        self._arm = Arm()
        look = self._arm.model.vis
        look.global_.offwidth, look.global_.offheight = width, height
        look.quality.offsamples = 8
        look.headlight.ambient[:] = 0.45
        look.headlight.diffuse[:] = 0.45
        look.quality.shadowsize = 4096
        self._shorten_arm()
        self._mujoco: Any = mujoco
        self._renderer = mujoco.Renderer(self._arm.model, height, width)

    def paint(self, pose: Pose) -> Picture:
        """Return the arm at a moment of a task."""
        scene, arm = pose.scene, self._arm
        goal = cartesian(scene.goal)
        clutter = [cartesian(thing) for thing in scene.clutter]
        arm.place(
            pose.joints,
            scene.payload_kg,
            scene.payload_radius_m,
            cartesian(scene.post),
            goal,
            clutter,
        )
        camera = self._mujoco.MjvCamera()
        camera.lookat[:] = _middle(scene)
        camera.distance = _FAR_M
        camera.azimuth = math.degrees(_azimuth(scene)) + 180.0
        camera.elevation = -math.degrees(_DOWN_RAD)
        self._renderer.update_scene(arm.data, camera)
        self._furnish(goal, scene.payload_radius_m, pose.way)
        picture: Picture = self._renderer.render()
        return picture

    def _shorten_arm(self) -> None:
        forearm = self._arm.model.geom('forearm')
        forearm.size[1] = (LINK_M - _SHORTER_M) / 2
        forearm.pos[0] = (LINK_M - _SHORTER_M) / 2

    def _furnish(self, goal: Point, radius_m: float, way: tuple[Point, ...]) -> None:
        """Add the decoration: the pedestal of the goal, and the path of the hand."""
        x, y, z = goal
        foot, top = (x, y, 0.0), (x, y, z - radius_m)
        self._connect(foot, (x, y, top[2] - 0.008), 0.008, (0.55, 0.57, 0.6, 1.0))
        self._connect((x, y, top[2] - 0.008), top, 0.05, (0.2, 0.8, 0.4, 1.0))
        for start, end in pairwise(way):
            self._connect(start, end, 0.004, (0.2, 0.45, 0.95, 0.7))

    def _connect(self, start: Point, end: Point, radius_m: float, rgba: Any) -> None:
        scene = self._renderer.scene
        if math.dist(start, end) < 1e-4 or scene.ngeom >= scene.maxgeom:
            return
        shape = self._mujoco.mjtGeom.mjGEOM_CYLINDER
        geom = scene.geoms[scene.ngeom]
        zeros, turned = np.zeros(3), np.eye(3).ravel()
        self._mujoco.mjv_initGeom(geom, shape, zeros, zeros, turned, np.array(rgba, np.float32))
        self._mujoco.mjv_connector(geom, shape, radius_m, np.array(start), np.array(end))
        scene.ngeom += 1


class Drawn:
    """Lines and circles, for machines without OpenGL."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height

    def paint(self, pose: Pose) -> Picture:
        """Return the arm at a moment of a task."""
        from PIL import Image, ImageDraw

        # Twice as large, then halved: this smooths the lines.
        self._image = Image.new('RGB', (2 * self._width, 2 * self._height), '#e9ecf0')
        self._draw = ImageDraw.Draw(self._image)
        scene = pose.scene
        self._turn, self._centre = _azimuth(scene), _middle(scene)
        self._floor()
        self._shadow(pose)
        things = [*_stands(scene), *_links(pose.joints)]
        for start, end, radius_m, colour in sorted(things, key=lambda thing: self._depth(thing)):
            self._line(start, end, radius_m, colour)
        for start, end in pairwise(pose.way):
            self._line(start, end, 0.003, '#7fa3dc')
        self._ball(_joints_at(pose.joints)[-1], scene.payload_radius_m, '#2f63c0')
        return np.asarray(self._image.resize((self._width, self._height)), np.uint8)

    def _floor(self) -> None:
        circle = [
            self._at((0.95 * math.cos(step / 20), 0.95 * math.sin(step / 20), 0.0))
            for step in range(126)
        ]
        self._draw.polygon(circle, fill='#f7f8fa', outline='#cfd4da')

    def _shadow(self, pose: Pose) -> None:
        feet = [self._at((x, y, 0.0)) for x, y, _ in _joints_at(pose.joints)]
        self._draw.line(feet, fill='#d5d9df', width=max(2, int(0.05 * self._scale)), joint='curve')

    def _depth(self, thing: tuple[Point, Point, float, str]) -> float:
        (x0, y0, _), (x1, y1, _) = thing[:2]
        cos, sin = math.cos(self._turn), math.sin(self._turn)
        return (x0 + x1) * cos + (y0 + y1) * sin

    def _line(self, start: Point, end: Point, radius_m: float, colour: str) -> None:
        width = max(2, round(2 * radius_m * self._scale))
        self._draw.line([self._at(start), self._at(end)], fill=colour, width=width)
        for end_point in (start, end):
            self._ball(end_point, radius_m, colour)

    def _ball(self, centre: Point, radius_m: float, colour: str) -> None:
        x, y = self._at(centre)
        r = radius_m * self._scale
        self._draw.ellipse([x - r, y - r, x + r, y + r], fill=colour)

    @property
    def _scale(self) -> float:
        """Return pixels per metre."""
        return 1.6 * self._height

    def _at(self, place: Point) -> tuple[float, float]:
        """Return the position of a place (x, y, z, m) in the picture, in parallel projection."""
        cos, sin = math.cos(self._turn), math.sin(self._turn)
        x, y, z = (part - centre for part, centre in zip(place, self._centre))
        towards, across = x * cos + y * sin, y * cos - x * sin
        down = z * math.cos(_DOWN_RAD) - towards * math.sin(_DOWN_RAD)
        return self._width + across * self._scale, self._height - down * self._scale


def _azimuth(scene: Scene) -> float:
    """Return the direction, rad, from which the camera looks at a task."""
    return (scene.start[0] + scene.goal[0]) / 2 - _ASIDE_RAD


def _middle(scene: Scene) -> Point:
    """Return the place (x, y, z, m) in the middle of the picture."""
    return cartesian(((scene.start[0] + scene.goal[0]) / 2, 0.2, 0.24))


def _stands(scene: Scene) -> Iterator[tuple[Point, Point, float, str]]:
    x, y, z = cartesian(scene.goal)
    top = z - scene.payload_radius_m
    yield (x, y, 0.0), (x, y, top), 0.008, '#8b929b'
    yield (x, y, top - 0.008), (x, y, top), 0.02, '#3f9e58'
    for place, radius_m, colour in (
        (scene.post, POST_RADIUS_M, '#c0352b'),
        *((thing, CLUTTER_RADIUS_M, '#80609c') for thing in scene.clutter),
    ):
        x, y, z = cartesian(place)
        yield (x, y, 0.0), (x, y, max(0.0, z - radius_m)), radius_m, colour


def _links(joints: tuple[float, float, float]) -> Iterator[tuple[Point, Point, float, str]]:
    base, shoulder, elbow, hand = _joints_at(joints)
    yield base, shoulder, 0.05, '#5c636c'
    yield shoulder, elbow, 0.035, '#d08a3c'
    yield elbow, hand, 0.028, '#dd9c52'


def _joints_at(joints: tuple[float, float, float]) -> tuple[Point, Point, Point, Point]:
    """Return base, shoulder, elbow and hand (x, y, z, m)."""
    yaw, shoulder, elbow = joints
    points: list[Point] = [(0.0, 0.0, 0.0), (0.0, 0.0, SHOULDER_HEIGHT_M)]
    radius, height, down = 0.0, SHOULDER_HEIGHT_M, 0.0
    for turn in (shoulder, elbow):
        down += turn
        radius += LINK_M * math.cos(down)
        height -= LINK_M * math.sin(down)
        points.append((radius * math.cos(yaw), radius * math.sin(yaw), height))
    return points[0], points[1], points[2], points[3]
