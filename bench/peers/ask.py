# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
A client that sends requests to one server in a closed loop, on command from standard input.

    python ask.py KIND ADDRESS

It prints the first decision. Then, for a line with a number, it sends this number of requests,
after one that does not count; for the line `begin` it sends requests until the line `end`. Either
way it prints one line of JSON: the times in µs, from before the request is built to when the
decision is an array, and the errors.

HTTP uses a plain socket: HTTP libraries cost more time than some of these servers, and the
comparison is between the servers.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic, perf_counter, sleep
from typing import Any

import numpy as np
from session import observation_of, session_of

Ask = Callable[[np.ndarray], np.ndarray]
TIMEOUT_S = 20.0
STEPS_A_TASK = 50


class Http:
    """One persistent HTTP/1.1 connection, which reconnects when the server has closed it."""

    def __init__(self, address: str, path: str, kind: str) -> None:
        host, port = address.split(':')
        self._address = host, int(port)
        self._connect()
        self._head = (
            f'POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\nContent-Length: '
        ).encode()

    def _connect(self) -> None:
        self._socket = socket.create_connection(self._address, TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, body: bytes) -> bytes:
        """Return the answer's body. Raises OSError when it is no success."""
        try:
            return self._post(body)
        except ConnectionError:
            self._socket.close()
            self._connect()
            return self._post(body)

    def _post(self, body: bytes) -> bytes:
        self._socket.sendall(b'%s%d\r\n\r\n%s' % (self._head, len(body), body))
        got = b''
        while b'\r\n\r\n' not in got:
            got += self._receive()
        head, _, found = got.partition(b'\r\n\r\n')
        size = int(head.lower().partition(b'content-length:')[2].partition(b'\r\n')[0])
        while len(found) < size:
            found += self._receive()
        if not head.startswith(b'HTTP/1.1 200'):
            raise OSError(found.decode())
        return found

    def _receive(self) -> bytes:
        some = self._socket.recv(65536)
        if not some:
            raise ConnectionResetError('the server closed the connection')
        return some


def raw(model: str) -> Ask:
    """Return the session itself, in this process."""
    session = session_of(model)
    return lambda values: session.run(None, {'observation': values})[0]


def http_json(address: str, path: str) -> Ask:
    """Return a client that sends the observation as lists (FastAPI, LitServe and BentoML)."""
    http = Http(address, path, 'application/json')

    def ask(values: np.ndarray) -> np.ndarray:
        answer = json.loads(http.post(json.dumps({'observation': values.tolist()}).encode()))
        return np.asarray(answer['decision'] if isinstance(answer, dict) else answer, np.float32)

    return ask


def fastapi_binary(address: str) -> Ask:
    """Return a client that sends plain bytes."""
    http = Http(address, '/binary', 'application/octet-stream')
    return lambda values: np.frombuffer(http.post(values.tobytes()), np.float32).reshape(1, -1)


def mlserver(address: str) -> Ask:
    """Return a client for the Open Inference Protocol, version 2."""
    http = Http(address, '/v2/models/policy/infer', 'application/json')

    def ask(values: np.ndarray) -> np.ndarray:
        given = {
            'name': 'observation',
            'shape': values.shape,
            'datatype': 'FP32',
            'data': values.ravel().tolist(),
        }
        output = json.loads(http.post(json.dumps({'inputs': [given]}).encode()))['outputs'][0]
        return np.asarray(output['data'], np.float32).reshape(output['shape'])

    return ask


def grpc(address: str) -> Ask:
    """Return a client that sends plain bytes."""
    import grpc as rpc

    infer = rpc.insecure_channel(address).unary_unary('/Policy/infer')
    return lambda values: np.frombuffer(
        infer(values.tobytes(), timeout=TIMEOUT_S, wait_for_ready=True), np.float32
    ).reshape(1, -1)


def ros(name: str, *, report: bool = True) -> Ask:
    """Return a client of a node over DDS, like robot code in another process."""
    import array

    import rclpy
    from rclpy.experimental import EventsExecutor  # half the time of the usual one, in a client

    from hotswap_ros import msg, srv

    rclpy.init()
    node = rclpy.create_node('bench_client')
    client = node.create_client(srv.Infer, f'{name}/infer')
    reports = node.create_client(srv.ReportTask, f'{name}/report_task')
    executor = EventsExecutor()
    executor.add_node(node)
    if not client.wait_for_service(TIMEOUT_S):
        raise OSError(f'there is no service {name}/infer')
    number = 0

    def ask(values: np.ndarray) -> np.ndarray:
        nonlocal number
        task_id = f'task {number // STEPS_A_TASK}'
        tensor = msg.Tensor(
            name='observation',
            dtype=msg.Tensor.FLOAT32,
            shape=values.shape,
            values=array.array('f', values.tobytes()),
        )
        future = client.call_async(srv.Infer.Request(task_id=task_id, inputs=[tensor]))
        executor.spin_until_future_complete(future, TIMEOUT_S)
        answer = future.result() if future.done() else None
        if answer is None or answer.error_code:
            raise OSError(answer.error_msg if answer else 'no answer in time')
        number += 1
        if report and number % STEPS_A_TASK == 0:
            reports.call_async(srv.ReportTask.Request(task_id=task_id, success=True))
        output = answer.decision.outputs[0]
        return np.frombuffer(output.values, np.float32).reshape(tuple(output.shape))

    return ask


KINDS: dict[str, Callable[[str], Ask]] = {
    'raw': raw,
    'ros': ros,
    'ros_bare': partial(ros, report=False),
    'grpc': grpc,
    'fastapi_json': lambda address: http_json(address, '/json'),
    'fastapi_binary': fastapi_binary,
    'litserve': lambda address: http_json(address, '/predict'),
    'bentoml': lambda address: http_json(address, '/infer'),
    'mlserver': mlserver,
}


def main() -> None:
    """Send requests until standard input ends."""
    values = observation_of((1, 64))
    ask, decision = first_answer(KINDS[sys.argv[1]], sys.argv[2], values)
    print(json.dumps(decision.tolist()), flush=True)
    for line in sys.stdin:
        if line.strip() == 'begin':
            ended = threading.Event()
            reader = threading.Thread(target=lambda done=ended: (sys.stdin.readline(), done.set()))
            reader.start()
            found = loop(ask, values, lambda _, done=ended: done.is_set())
            reader.join()
        else:
            wanted = int(line)
            ask(values)
            found = loop(ask, values, lambda asked, wanted=wanted: asked == wanted)
        print(json.dumps(found), flush=True)


def first_answer(
    kind: Callable[[str], Ask], address: str, values: np.ndarray
) -> tuple[Ask, np.ndarray]:
    """Send requests until the server has started. Raises OSError when it does not start."""
    until = monotonic() + TIMEOUT_S
    while True:
        try:
            ask = kind(address)
            return ask, ask(values)
        except OSError:
            if monotonic() > until:
                raise
            sleep(0.1)


def loop(ask: Ask, values: np.ndarray, is_done: Callable[[int], bool]) -> dict[str, Any]:
    """Send requests until `is_done`, called with the number of requests so far, returns true."""
    times, errors, number = [], [], 0
    while not is_done(number):
        started = perf_counter()
        try:
            ask(values)
        except OSError as error:
            errors.append(str(error))
        times.append((perf_counter() - started) * 1e6)
        number += 1
    return {'times_us': times, 'errors': errors}


if __name__ == '__main__':
    with contextlib.suppress(KeyboardInterrupt):
        main()
