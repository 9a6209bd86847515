# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Benchmark of the model server: the cost of a request, compared with other servers of the model.

Each server and each client is a separate process. The clients take turns of a few requests, so
that all of them see the same machine. Ratios are medians over the turns.

    python bench/servers.py [--quick] [--output build/bench]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from lib.measure import quantiles
from lib.models import mlp, model_file, write
from lib.processes import Client, PeerError, client, process
from lib.report import Bar, bars, save
from serving_parts.reload import VERSIONS, MlserverReload, RosReload, gap
from serving_parts.servers import NAMESPACE, Server, servers, write_mlserver_model

REQUESTS_A_TURN = 20
GAP_GOAL = 1 / 25


def start(
    stack: contextlib.ExitStack, wanted: dict[str, Server], logs: Path, model: Path
) -> dict[str, Client]:
    """Start servers and clients until the stack closes; print which are left out, and why."""
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
    """Return the times of each server, and the ratio of ours to each."""
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
    """Return how long no request is answered while a server changes its version."""
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
    """Print one line per server; return the bars to draw."""
    drawn = []
    for name, row in found['round_trip'].items():
        label = wanted[name].label if name in wanted else 'InferenceSession.run'
        goal = wanted[name].goal if name in wanted else None
        ratio, p50 = row['ours_ratio_p50'], row['p50_us']
        goal_text = '' if goal is None else f' (goal at most {goal:g})'
        wrong = f', {row["errors"]} errors' if row['errors'] else ''
        print(f'ours / {label:25} p50 {ratio:6.2f}{goal_text:21} {p50:6.0f} µs{wrong}')
        if name != 'model_server':
            drawn.append(Bar(f'~/infer / {label}', ratio, goal))
    for name, row in found['reload'].items():
        ratio = f', ours / this {row["ours_ratio"]:.3f}' if 'ours_ratio' in row else ''
        print(
            f'reload of {name:40} {row["took_ms"]:6.0f} ms, no answer for '
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
        model = model_file(root, 'tiny')
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
