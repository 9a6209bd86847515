# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The message types that a contract reads without naming their fields."""

#: Messages that name joints; a trajectory is for decisions only.
JOINTS = ('sensor_msgs/msg/JointState', 'trajectory_msgs/msg/JointTrajectory')
IMAGES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')

_XYZ = ('x', 'y', 'z')
_XYZW = (*_XYZ, 'w')


def _of(prefix: str, names: tuple[str, ...] = _XYZ) -> tuple[str, ...]:
    return tuple(f'{prefix}.{name}' for name in names)


_TWIST = (*_of('linear'), *_of('angular'))
_POSE = (*_of('position'), *_of('orientation', _XYZW))
_WRENCH = (*_of('force'), *_of('torque'))

#: The fields that are the tensor, where a contract names none.
DEFAULT_FIELDS = {
    'geometry_msgs/msg/Twist': _TWIST,
    'geometry_msgs/msg/TwistStamped': tuple(f'twist.{name}' for name in _TWIST),
    'geometry_msgs/msg/Pose': _POSE,
    'geometry_msgs/msg/PoseStamped': tuple(f'pose.{name}' for name in _POSE),
    'geometry_msgs/msg/Wrench': _WRENCH,
    'geometry_msgs/msg/WrenchStamped': tuple(f'wrench.{name}' for name in _WRENCH),
    'nav_msgs/msg/Odometry': (
        *(f'pose.pose.{name}' for name in _POSE),
        *(f'twist.twist.{name}' for name in _TWIST),
    ),
    'sensor_msgs/msg/Imu': (
        *_of('orientation', _XYZW),
        *_of('angular_velocity'),
        *_of('linear_acceleration'),
    ),
    'sensor_msgs/msg/Joy': ('axes',),
    **{
        f'std_msgs/msg/{kind}{size}MultiArray': ('data',)
        for kind, sizes in (
            ('Float', (32, 64)),
            ('Int', (8, 16, 32, 64)),
            ('UInt', (8, 16, 32, 64)),
        )
        for size in sizes
    },
    **{
        f'std_msgs/msg/{name}': ('data',)
        for name in ('Bool', 'Float32', 'Float64', 'Int8', 'Int16', 'Int32', 'Int64', 'UInt8')
    },
}
