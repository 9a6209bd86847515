# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Recordings, as rosbag2 writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from mcap_ros2.writer import Writer

ROOT = Path(__file__).resolve().parents[3]
_TIME = 'MSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec'
_DURATION = 'MSG: builtin_interfaces/Duration\nint32 sec\nuint32 nanosec'


def definition(name: str) -> str:
    """Return a message of ours with all that it is made of, as rosbag2 stores it."""
    text = (ROOT / 'msg' / f'{name}.msg').read_text()
    parts, seen, queue = [text], {name}, [text]
    while queue:
        for inner in re.findall(r'^([A-Z]\w+)(?:\[\])? ', queue.pop(), re.MULTILINE):
            if inner not in seen:
                seen.add(inner)
                found = (ROOT / 'msg' / f'{inner}.msg').read_text()
                parts.append(f'MSG: hotswap_ros/{inner}\n{found}')
                queue.append(found)
    return ('\n' + '=' * 80 + '\n').join([*parts, _TIME, _DURATION])


def moment(seconds: float) -> dict[str, int]:
    nanoseconds = round(seconds * 1e9)
    return {'sec': nanoseconds // 10**9, 'nanosec': nanoseconds % 10**9}


def write_mcap(path: Path, messages: Iterable[tuple[str, str, dict[str, Any]]]) -> Path:
    """Write (topic, message name, fields) in their order."""
    with path.open('wb') as file:
        writer = Writer(file)
        schemas: dict[str, Any] = {}
        for number, (topic, name, fields) in enumerate(messages):
            if name not in schemas:
                schemas[name] = writer.register_msgdef(f'hotswap_ros/msg/{name}', definition(name))
            writer.write_message(topic, schemas[name], fields, log_time=number)
        writer.finish()
    return path


def task_result(task: int, version: str = 'v23', *, success: bool = True, **fields: Any) -> Any:
    return (
        '/fleet/task_results',
        'TaskResult',
        {
            'stamp': moment(100.0 + task),
            'robot_id': f'r{task % 4}',
            'model_id': 'pick_policy',
            'task_id': f'task_{task}',
            'category': 'near',
            'version': version,
            'success': success,
            'stuck': False,
            'error': '' if success else 'dropped',
            'duration': moment(2.5),
            **fields,
        },
    )


def telemetry(
    boot: str,
    latency: dict[str, list[int]],
    robot: str = 'r0',
    inputs: dict[str, dict[str, list[int]]] | None = None,
) -> Any:
    seen = inputs or {}
    return (
        '/fleet/telemetry',
        'ModelTelemetry',
        {
            'stamp': moment(0.0),
            'robot_id': robot,
            'boot_id': boot,
            'model_id': 'pick_policy',
            'latency_bucket_edges_ms': [10.0, 20.0],
            'versions': [
                {
                    'version': version,
                    'requests': sum(counts),
                    'errors': 0,
                    'fallbacks': [],
                    'tasks': {
                        'category': '',
                        'started': 0,
                        'finished': 0,
                        'succeeded': 0,
                        'stuck': 0,
                        'timed_out': 0,
                    },
                    'categories': [],
                    'shadow_offered': 0,
                    'shadow_dropped': 0,
                    'shadow_compared': 0,
                    'shadow_agreed': 0,
                    'shadow_failed': 0,
                    'input_features': list(seen.get(version, {})),
                    'input_bins': list(chain(*seen.get(version, {}).values())),
                    'latency_buckets': counts,
                }
                for version, counts in latency.items()
            ],
        },
    )


def robot_status(robot: str, labels: list[str], model: str = 'pick_policy') -> Any:
    fields = {'robot_id': robot, 'model_id': model, 'labels': labels, 'stamp': moment(0.0)}
    return '/fleet/status', 'RobotStatus', fields
