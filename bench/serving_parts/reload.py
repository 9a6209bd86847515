# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The time without answers while a server changes its version."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from lib.models import MODEL_ID, model_file
from lib.processes import Client

if TYPE_CHECKING:
    from rclpy.node import Node

_TIMEOUT_S = 60.0
# After the answer to a reload, a version moves from its worker into the process of the node.
_SETTLE_S = 3.0
_LAST = 20
VERSIONS = ('tiny2', 'large')


class RosReload:
    """Changes the version of a model_server over its services."""

    def __init__(self, namespace: str) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        rclpy.init()
        self._node: Node = rclpy.create_node('bench_operator')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._server = f'{namespace}/model_server'
        self._generation = 0

    def __call__(self, version: str) -> None:
        """Load a version and let it serve every task. Raises RuntimeError."""
        from hotswap_ros import msg, srv

        self._generation += 1
        self._call(
            srv.LoadModel,
            'load_model',
            srv.LoadModel.Request(model_id=MODEL_ID, version=version),
        )
        routing = msg.Routing(model_id=MODEL_ID, stable=version, generation=self._generation)
        self._call(srv.SetRouting, 'set_routing', srv.SetRouting.Request(routing=routing))

    def _call(self, kind: Any, name: str, request: Any) -> None:
        client = self._node.create_client(kind, f'{self._server}/{name}')
        client.wait_for_service(_TIMEOUT_S)
        future = client.call_async(request)
        self._executor.spin_until_future_complete(future, _TIMEOUT_S)
        answer = future.result() if future.done() else None
        if answer is None or answer.error_code:
            raise RuntimeError(f'{name}: {answer.error_msg if answer else "no answer"}')


class MlserverReload:
    """Changes the version of an MLServer over its repository API."""

    def __init__(self, root: Path, server: Any, write: Callable[[Path, str], None]) -> None:
        self._root, self._server, self._write = root, server, write

    def __call__(self, version: str) -> None:
        """Load the version in place of the current one. Raises RuntimeError."""
        self._write(Path(self._server.command[-1]), str(model_file(self._root, version)))
        self._post('load')

    def unload_and_load(self, version: str) -> None:
        """Unload and load, the other way that its documentation names. Raises RuntimeError."""
        self._post('unload')
        self(version)

    def _post(self, verb: str) -> None:
        connection = HTTPConnection(self._server.address, timeout=_TIMEOUT_S)
        connection.request('POST', f'/v2/repository/models/policy/{verb}')
        status = connection.getresponse().status
        connection.close()
        if status != 200:
            raise RuntimeError(f'{verb}: status {status}')


def gap(client: Client, reload: Callable[[str], None], version: str) -> dict[str, Any]:
    """
    Return how long a closed loop waits while the server changes its version.

    The gap is the longest time for one answer, less what the new version takes for each.
    """
    pause = threading.Event()
    client.begin()
    pause.wait(0.5)
    started = perf_counter()
    reload(version)
    took = perf_counter() - started
    pause.wait(_SETTLE_S)
    found = client.end()
    times = found['times_us']
    usual = float(np.median(times[-_LAST:]))
    return {
        'took_ms': took * 1e3,
        'gap_ms': (max(times) - usual) / 1e3,
        'usual_us': usual,
        'errors': len(found['errors']),
    }
