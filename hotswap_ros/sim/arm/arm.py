# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simulated arm: three velocity-controlled joints, a payload in its gripper, and a post."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hotswap_ros.sim.arm.scene import CLUTTER, PAYLOAD_RADIUS_M, Point

#: Simulated seconds of a physics step, and steps between two decisions.
STEP_S = 0.01
STEPS = 5

SHOULDER_HEIGHT_M = 0.35
LINK_M = 0.4
POST_RADIUS_M = 0.04
#: Radius of the clutter.
CLUTTER_RADIUS_M = 0.03

#: Largest joint speed that can be commanded, rad/s.
MAX_SPEED = 2.5
#: Joint limits in rad: yaw, shoulder (positive is down), elbow (positive folds down).
JOINT_LOW = (-2.9, -1.9, 0.0)
JOINT_HIGH = (2.9, 1.2, 2.7)
#: Nominal gain of the velocity servos, N·m per rad/s, and largest torque, N·m.
SERVO_GAIN = (24.0, 24.0, 12.0)
MAX_EFFORT = (40.0, 60.0, 30.0)

_POST_TOP_M = 0.5
#: Place of unused bodies: below the floor.
_AWAY = (0.0, 0.0, -2.0)
_CLUTTER = '\n    '.join(
    f"""<body name="clutter_{number}" mocap="true">
      <geom type="cylinder" fromto="0 0 {-CLUTTER_RADIUS_M} 0 0 0" size="{CLUTTER_RADIUS_M}"
            contype="2" conaffinity="0" rgba="0.65 0.45 0.8 1"/>
    </body>"""
    for number in range(CLUTTER)
)

_MJCF = f"""
<mujoco model="pick_arm">
  <compiler angle="radian"/>
  <option timestep="{STEP_S}" integrator="implicitfast"/>
  <size memory="256K"/>
  <visual><global offwidth="960" offheight="720"/></visual>
  <asset>
    <texture type="skybox" builtin="gradient" rgb1="0.93 0.95 0.97" rgb2="0.66 0.72 0.8"
             width="16" height="96"/>
  </asset>
  <default>
    <velocity ctrlrange="-{MAX_SPEED} {MAX_SPEED}"/>
    <default class="arm"><geom contype="0" conaffinity="2" rgba="0.98 0.62 0.22 1"/></default>
  </default>
  <worldbody>
    <light pos="0.6 -0.8 3" dir="-0.2 0.27 -1" diffuse="0.5 0.5 0.5"/>
    <geom type="plane" size="1.5 1.5 0.1" contype="2" conaffinity="0" rgba="0.82 0.85 0.88 1"/>
    <geom type="capsule" fromto="0 0 0 0 0 {SHOULDER_HEIGHT_M}" size="0.06"
          contype="4" conaffinity="0" rgba="0.42 0.46 0.52 1"/>
    <body name="post" mocap="true">
      <geom type="capsule" fromto="0 0 {-_POST_TOP_M} 0 0 {-POST_RADIUS_M}"
            size="{POST_RADIUS_M}" contype="2" conaffinity="0" rgba="0.9 0.2 0.15 1"/>
    </body>
    <body name="base" pos="0 0 {SHOULDER_HEIGHT_M}" gravcomp="1">
      <joint name="yaw" axis="0 0 1" range="{JOINT_LOW[0]} {JOINT_HIGH[0]}" armature="0.1"/>
      <geom type="sphere" size="0.06" mass="1" contype="0" conaffinity="0"/>
      <body name="upper" gravcomp="1">
        <joint name="shoulder" axis="0 1 0" range="{JOINT_LOW[1]} {JOINT_HIGH[1]}"
               armature="0.1"/>
        <geom class="arm" type="capsule" fromto="0 0 0 {LINK_M} 0 0" size="0.035" mass="1.6"/>
        <body name="fore" pos="{LINK_M} 0 0" gravcomp="1">
          <joint name="elbow" axis="0 1 0" range="{JOINT_LOW[2]} {JOINT_HIGH[2]}"
                 armature="0.05"/>
          <geom name="forearm" class="arm" type="capsule" fromto="0 0 0 {LINK_M} 0 0"
                size="0.03" mass="1"/>
          <body name="payload" pos="{LINK_M} 0 0">
            <geom name="payload" type="sphere" size="{PAYLOAD_RADIUS_M[1]}" mass="1"
                  contype="0" conaffinity="6" rgba="0.12 0.4 0.98 1"/>
            <site name="hand"/>
          </body>
        </body>
      </body>
    </body>
    <body name="goal" mocap="true">
      <geom type="sphere" size="0.015" contype="0" conaffinity="0" rgba="0.1 0.7 0.2 0.6"/>
    </body>
    {_CLUTTER}
  </worldbody>
  <actuator>
    <velocity joint="yaw" kv="{SERVO_GAIN[0]}" forcerange="-{MAX_EFFORT[0]} {MAX_EFFORT[0]}"/>
    <velocity joint="shoulder" kv="{SERVO_GAIN[1]}" forcerange="-{MAX_EFFORT[1]} {MAX_EFFORT[1]}"/>
    <velocity joint="elbow" kv="{SERVO_GAIN[2]}" forcerange="-{MAX_EFFORT[2]} {MAX_EFFORT[2]}"/>
  </actuator>
</mujoco>
"""


def joint_angles(radius: float, height: float) -> tuple[float, float]:
    """Return shoulder and elbow (rad, elbow up) that bring the hand to radius and height (m)."""
    rise = height - SHOULDER_HEIGHT_M
    reach = min(math.hypot(radius, rise), 2 * LINK_M - 1e-6)
    half = math.acos(reach / (2 * LINK_M))
    return -math.atan2(rise, radius) - half, 2 * half


def hand_position(joints: Sequence[float]) -> Point:
    """Return where the hand is (x, y, z, m) at positions of yaw, shoulder and elbow (rad)."""
    yaw, shoulder, elbow = joints
    radius = LINK_M * (math.cos(shoulder) + math.cos(shoulder + elbow))
    fall = LINK_M * (math.sin(shoulder) + math.sin(shoulder + elbow))
    return radius * math.cos(yaw), radius * math.sin(yaw), SHOULDER_HEIGHT_M - fall


class Arm:
    """
    The arm of one robot in MuJoCo.

    The links are compensated for gravity as in a real arm; the payload is not, because the servos
    do not know its mass. `stiffness` scales the servo gains of this robot. With `endless_yaw` its
    first joint has no stops.
    """

    def __init__(self, stiffness: float = 1.0, endless_yaw: bool = False) -> None:
        # The import of MuJoCo takes longer than the start of a node that does not simulate.
        import mujoco

        self.model: Any = mujoco.MjModel.from_xml_string(_MJCF)
        self.data: Any = mujoco.MjData(self.model)
        self._mujoco: Any = mujoco
        self._step = mujoco.mj_step
        self.model.actuator_gainprm[:, 0] *= stiffness
        self.model.actuator_biasprm[:, 2] *= stiffness
        self.model.jnt_limited[0] = not endless_yaw
        self.servo_gain: list[float] = self.model.actuator_gainprm[:, 0].tolist()
        self._payload = self.model.body('payload').id
        # The values of the largest payload, which also gives the bounds of its shape.
        self._inertia_per_kg = self.model.body_inertia[self._payload].copy()
        self._shape = self.model.geom('payload').id
        # Views into MuJoCo's memory: an attribute lookup costs as much as a physics step.
        self._ctrl = self.data.ctrl
        self._qpos = self.data.qpos
        self._qvel = self.data.qvel
        self._effort = self.data.actuator_force
        self._hand = self.data.site_xpos[self.model.site('hand').id]

    def place(
        self,
        joints: tuple[float, float, float],
        payload_kg: float,
        payload_radius_m: float,
        post: Point,
        goal: Point,
        clutter: Sequence[Point] = (),
    ) -> None:
        """
        Place the arm at rest with its payload at `joints` (yaw, shoulder, elbow in rad).

        `post` and `clutter` are the tops of the post and of other objects, `goal` is a visible
        mark (x, y, z in m).
        """
        model, data = self.model, self.data
        size = payload_radius_m / PAYLOAD_RADIUS_M[1]
        model.geom_size[self._shape, 0] = payload_radius_m
        model.body_mass[self._payload] = payload_kg
        model.body_inertia[self._payload] = self._inertia_per_kg * (payload_kg * size**2)
        self._mujoco.mj_setConst(model, data)
        self._mujoco.mj_resetData(model, data)
        data.mocap_pos[:] = [post, goal, *clutter, *[_AWAY] * (CLUTTER - len(clutter))]
        self._qpos[:] = joints
        self._mujoco.mj_forward(self.model, self.data)
        self._ctrl[:] = [torque / gain for torque, gain in zip(self.load, self.servo_gain)]
        self._mujoco.mj_forward(self.model, self.data)

    def drive(self, speeds: Any) -> None:
        """Command joint speeds (3 numbers, rad/s) for one control period. Releases the GIL."""
        self._ctrl[:] = speeds
        self._step(self.model, self.data, nstep=STEPS)

    @property
    def joints(self) -> list[float]:
        """Joint positions: yaw, shoulder, elbow, rad."""
        return self._qpos.tolist()  # type: ignore[no-any-return]

    @property
    def speeds(self) -> list[float]:
        """Joint speeds, rad/s."""
        return self._qvel.tolist()  # type: ignore[no-any-return]

    @property
    def effort(self) -> list[float]:
        """Torque of the servos, N·m."""
        return self._effort.tolist()  # type: ignore[no-any-return]

    @property
    def load(self) -> list[float]:
        """Torque that payload and motion need at the joints, N·m: no sensor measures this."""
        torque = self.data.qfrc_bias - self.data.qfrc_passive
        return torque.tolist()  # type: ignore[no-any-return]

    @property
    def hand(self) -> tuple[float, float, float]:
        """Where the payload is (x, y, z, m), one physics step ago."""
        x, y, z = self._hand.tolist()
        return x, y, z

    @property
    def touches(self) -> bool:
        """Whether arm or payload touch the post, the floor, the pedestal or clutter."""
        return bool(self.data.ncon)
