# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The servers that are compared, each as its documentation shows it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from lib.models import MODEL_ID, model_file
from lib.processes import free_port

ENVIRONMENTS = Path('build/bench')
NAMESPACE = f'/bench_{os.getpid()}'


@dataclass(frozen=True)
class Server:
    """A server and its client; `goal` is the highest ratio of our time to its time."""

    label: str
    kind: str
    address: str
    command: list[str]
    python: str = sys.executable
    goal: float | None = None
    client_python: str = sys.executable
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def is_ours(self) -> bool:
        """Return whether it runs in the environment of this program."""
        return self.python == sys.executable


def servers(root: Path) -> dict[str, Server]:
    """Return the compared servers, each with the settings that are best for one robot."""
    model = str(model_file(root, 'tiny'))
    plain, mlserver, bentoml = (
        str((ENVIRONMENTS / name / 'bin' / 'python').absolute())
        for name in ('frameworks', 'mlserver', 'bentoml')
    )
    fast, lit, grpc, bento = (free_port() for _ in range(4))
    found = {
        'model_server': Server(
            'hotswap_ros model_server', 'ros', f'{NAMESPACE}/model_server', node_command(root)
        ),
        'rclpy': Server(
            'bare rclpy service',
            'ros_bare',
            f'{NAMESPACE}/bare_server',
            [sys.executable, 'serve.py', 'rclpy', model, '0', '--ros-args', *_in_namespace()],
        ),
        'grpc': Server(
            'bare gRPC',
            'grpc',
            f'127.0.0.1:{grpc}',
            [plain, 'serve.py', 'grpc', model, str(grpc)],
            plain,
            1.1,
            plain,
        ),
        'fastapi_binary': Server(
            'FastAPI, binary',
            'fastapi_binary',
            f'127.0.0.1:{fast}',
            [plain, 'serve.py', 'fastapi', model, str(fast)],
            plain,
        ),
        'litserve': Server(
            'LitServe',
            'litserve',
            f'127.0.0.1:{lit}',
            [plain, 'litserve_server.py', model, str(lit)],
            plain,
            0.25,
        ),
        'bentoml': Server(
            'BentoML',
            'bentoml',
            f'127.0.0.1:{bento}',
            f'{bentoml} -m bentoml serve bentoml_service:Policy --host 127.0.0.1 '
            f'--port {bento}'.split(),
            bentoml,
            0.2,
            environment={
                'BENCH_MODEL': model,
                'BENTOML_HOME': str(root / 'bentoml'),
                'BENTOML_DO_NOT_TRACK': 'True',
            },
        ),
        'mlserver': mlserver_server(mlserver, root, 'mlserver', model, workers=1),
        'mlserver_in_process': mlserver_server(
            mlserver, root, 'mlserver_in_process', model, workers=0
        ),
    }
    binary = found['fastapi_binary']
    found['fastapi_json'] = Server(
        'FastAPI, JSON', 'fastapi_json', binary.address, [], binary.python
    )
    return found


def node_command(root: Path) -> list[str]:
    """Return the command that starts the node, as a robot starts it."""
    command = ['model_server', '--ros-args', *_in_namespace()]
    for name, value in (
        ('model_id', MODEL_ID),
        ('model_repository', root),
        ('stable_version', 'tiny'),
        ('resident_limit', 3),
    ):
        command += ['-p', f'{name}:={value}']
    return command


def mlserver_server(python: str, root: Path, name: str, model: str, workers: int) -> Server:
    """Return an MLServer: with its worker, as it comes, or with the model in its own process."""
    folder, port = root / name, free_port()
    (folder / 'policy').mkdir(parents=True)
    settings = {
        'host': '127.0.0.1',
        'http_port': port,
        'grpc_port': free_port(),
        'metrics_endpoint': None,
        'parallel_workers': workers,
        'debug': False,
    }
    (folder / 'settings.json').write_text(json.dumps(settings))
    write_mlserver_model(folder, model)
    return Server(
        'MLServer' if workers else 'MLServer, no worker',
        'mlserver',
        f'127.0.0.1:{port}',
        [str(Path(python).with_name('mlserver')), 'start', str(folder)],
        python,
        0.5,
        environment={'PYTHONPATH': '.'},
    )


def write_mlserver_model(folder: Path, model: str) -> None:
    """Write the settings that name MLServer's model file."""
    settings = {
        'name': 'policy',
        'implementation': 'mlserver_runtime.Policy',
        'parameters': {'uri': model},
    }
    (folder / 'policy' / 'model-settings.json').write_text(json.dumps(settings))


def _in_namespace() -> list[str]:
    return ['-r', f'__ns:={NAMESPACE}']
