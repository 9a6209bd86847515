# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A small arm: its contract, its messages without ROS, and the manifest of a version for it."""

from types import SimpleNamespace
from typing import Any

from hotswap_ros.models import Manifest

ARM: dict[str, Any] = {
    'robot': 'arm',
    'rate_hz': 50,
    'observations': {
        'state': {
            'topic': 'joint_states',
            'type': 'sensor_msgs/msg/JointState',
            'joints': ['lift', 'turn'],
        },
        'image': {'topic': 'camera', 'type': 'sensor_msgs/msg/Image', 'max_age_s': 0.2},
    },
    'decisions': {
        'action': {
            'topic': 'commands',
            'type': 'std_msgs/msg/Float64MultiArray',
            'stop': 'hold',
        }
    },
}


def joints(names: list[str], position: list[float], **more: Any) -> Any:
    return SimpleNamespace(name=names, position=position, velocity=[], effort=[], **more)


def picture(pixels: Any, encoding: str = 'rgb8', padding: int = 0) -> Any:
    """Return an image message of an array of uint8, with unused bytes at the end of each row."""
    height, width, channels = pixels.shape
    rows = [row.tobytes() + bytes(padding) for row in pixels]
    return SimpleNamespace(
        height=height,
        width=width,
        step=width * channels + padding,
        encoding=encoding,
        data=b''.join(rows),
    )


def manifest(**fields: Any) -> Manifest:
    """Return the manifest of a version for the arm."""
    return Manifest.model_validate(
        {
            'model': 'policy',
            'version': 'v1',
            'sha256': '0' * 64,
            'size_bytes': 1,
            'inputs': [{'name': 'state', 'shape': [1, 2]}],
            'outputs': [{'name': 'action', 'shape': [1, 2]}],
            **fields,
        }
    )
