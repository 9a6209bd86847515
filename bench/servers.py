# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
What a request to the model server costs, beside other servers of the same model.

Each server and each client is a process of its own, and the clients ask in turns of some requests,
so that all of them see the same machine. Ratios are medians over the turns.

    python bench/servers.py [--quick] [--output build/bench]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from _measure import quantiles
from _models import MODEL_ID, mlp, write
from _processes import Client, PeerError, client, free_port, process
from _reload import VERSIONS, MlserverReload, RosReload, gap
from _report import Bar, bars, save

ENVIRONMENTS = Path('build/bench')
NAMESPACE = f'/bench_{os.getpid()}'
REQUESTS_A_TURN = 20
GAP_GOAL = 1 / 25


@dataclass(frozen=True)
class Server:
    """A server, and who asks it; `goal` is the most that ours may take of its time."""

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
    """Return what is compared: each server with the settings that are best for one robot."""
    model = str(root / MODEL_ID / 'tiny' / 'model.onnx')
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
    """Return what starts the node itself, as a robot starts it."""
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
    """Say which file MLServer's model is."""
    settings = {
        'name': 'policy',
        'implementation': 'mlserver_runtime.Policy',
        'parameters': {'uri': model},
    }
    (folder / 'policy' / 'model-settings.json').write_text(json.dumps(settings))


def _in_namespace() -> list[str]:
    return ['-r', f'__ns:={NAMESPACE}']


# --- Measuring ----------------------------------------------------------------------------------


def start(
    stack: contextlib.ExitStack, wanted: dict[str, Server], logs: Path, model: Path
) -> dict[str, Client]:
    """Start servers and clients until the stack closes; say which cannot be compared, and why."""
    clients = {
        'raw': stack.enter_context(
            client('raw', str(model), sys.executable, logs / 'client_raw.log')
        )
    }
    for name, server in wanted.items():
        if server.command and Path(server.python).exists():
            stack.enter_context(
                process(
                    server.command,
                    logs / f'{name}.log',
                    is_ours=server.is_ours,
                    **server.environment,
                )
            )
    for name, server in wanted.items():
        if not Path(server.python).exists():
            print(f'{server.label}: left out, its libraries could not be installed')
            continue
        log = logs / f'client_{name}.log'
        try:
            asking = stack.enter_context(
                client(server.kind, server.address, server.client_python, log)
            )
        except PeerError:
            print(f'{server.label}: left out, it does not answer; see {logs / name}.log and {log}')
            continue
        if not np.allclose(asking.decision, clients['raw'].decision, atol=1e-5):
            raise SystemExit(f'{server.label} decides differently: {asking.decision}')
        clients[name] = asking
    return clients


def round_trips(clients: dict[str, Client], turns: int) -> dict[str, dict[str, Any]]:
    """Return each one's times, and what ours takes of each one's time."""
    times: dict[str, list[list[float]]] = {name: [] for name in clients}
    errors = dict.fromkeys(clients, 0)
    for _ in range(turns):
        for name, asking in clients.items():
            answer = asking.ask(REQUESTS_A_TURN)
            times[name].append(answer['times_us'])
            errors[name] += len(answer['errors'])
    medians = {name: np.median(taken, axis=1) for name, taken in times.items()}
    return {
        name: {
            **quantiles(np.concatenate(taken).tolist()),
            'errors': errors[name],
            'ours_ratio_p50': float(np.median(medians['model_server'] / medians[name])),
        }
        for name, taken in times.items()
    }


def reloads(
    root: Path, wanted: dict[str, Server], clients: dict[str, Client]
) -> dict[str, dict[str, Any]]:
    """Return for how long nobody is served while a server takes up another version."""
    ours = RosReload(NAMESPACE)
    found = {
        f'model_server, {version}': gap(clients['model_server'], ours, version)
        for version in VERSIONS
    }
    for name in ('mlserver', 'mlserver_in_process'):
        if name in clients:
            theirs = MlserverReload(root, wanted[name], write_mlserver_model)
            for version in VERSIONS:
                row = gap(clients[name], theirs, version)
                row['ours_ratio'] = found[f'model_server, {version}']['gap_ms'] / row['gap_ms']
                found[f'{name}, {version}'] = row
            found[f'{name}, unload and load'] = gap(clients[name], theirs.unload_and_load, 'tiny')
    return found


def report(found: dict[str, Any], wanted: dict[str, Server]) -> list[Bar]:
    """Print one line a server; returns the bars to draw."""
    drawn = []
    for name, row in found['round_trip'].items():
        label = wanted[name].label if name in wanted else 'InferenceSession.run'
        goal = wanted[name].goal if name in wanted else None
        ratio, p50 = row['ours_ratio_p50'], row['p50_us']
        wish = '' if goal is None else f' (goal at most {goal:g})'
        wrong = f', {row["errors"]} errors' if row['errors'] else ''
        print(f'ours / {label:25} p50 {ratio:6.2f}{wish:21} {p50:6.0f} µs{wrong}')
        if name != 'model_server':
            drawn.append(Bar(f'~/infer / {label}', ratio, goal))
    for name, row in found['reload'].items():
        ratio = f', ours / this {row["ours_ratio"]:.3f}' if 'ours_ratio' in row else ''
        print(
            f'reload of {name:40} {row["took_ms"]:6.0f} ms, nobody served for '
            f'{row["gap_ms"]:6.1f} ms, {row["errors"]} errors{ratio}'
        )
        if ratio:
            drawn.append(
                Bar(f'gap at a new version / {_reload_label(name)}', row['ours_ratio'], GAP_GOAL)
            )
    return drawn


def _reload_label(name: str) -> str:
    server, _, version = name.partition(', ')
    label = 'MLServer, no worker' if server.endswith('in_process') else 'MLServer'
    return f'{label}, {"210 MB" if version == "large" else "tiny"}'


def main() -> None:
    """Measure, print, and write JSON and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quick', action='store_true', help='fewer turns: noisier')
    parser.add_argument('--output', type=Path, default=Path('build/bench'))
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        root = Path(folder)
        for version, sizes in (
            ('tiny', (64, 256, 256, 7)),
            ('tiny2', (64, 256, 256, 7)),
            ('large', (64, 7200, 7200, 7)),  # 210 MB
        ):
            write(root, version, mlp(*sizes))
        wanted = servers(root)
        model = root / MODEL_ID / 'tiny' / 'model.onnx'
        logs = given.output.absolute() / 'log'
        logs.mkdir(exist_ok=True)
        clients = start(stack, wanted, logs, model)
        found: dict[str, Any] = {
            'load_average': os.getloadavg(),
            'onnxruntime': metadata.version('onnxruntime'),
            'round_trip': round_trips(clients, 10 if given.quick else 60),
        }
        found['reload'] = reloads(root, wanted, clients)
    save(found, given.output / 'servers.json')
    bars(
        report(found, wanted),
        given.output / 'servers.png',
        'A request to the model_server node, and a new version, beside others',
    )


if __name__ == '__main__':
    main()
