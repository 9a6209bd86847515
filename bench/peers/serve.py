# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Plain servers of one model, each as its documentation shows it.

    python serve.py KIND MODEL_FILE PORT

Runs in the environment of its framework, so everything is imported where it is used.
"""

import contextlib
import sys
from typing import Any

import numpy as np
from session import session_of


def fastapi(model: str, port: int) -> None:
    """Serve JSON at /json, and the bare float32 bytes at /binary."""
    import uvicorn
    from fastapi import FastAPI, Request, Response
    from pydantic import BaseModel

    session, app = session_of(model), FastAPI()

    class Observation(BaseModel):
        observation: list[list[float]]

    @app.post('/json')
    async def on_json(asked: Observation) -> dict[str, Any]:
        values = np.asarray(asked.observation, np.float32)
        return {'decision': session.run(None, {'observation': values})[0].tolist()}

    @app.post('/binary')
    async def on_binary(asked: Request) -> Response:
        values = np.frombuffer(await asked.body(), np.float32).reshape(1, -1)
        return Response(session.run(None, {'observation': values})[0].tobytes())

    uvicorn.run(app, host='127.0.0.1', port=port, log_level='error', access_log=False)


def grpc(model: str, port: int) -> None:
    """Serve the bare float32 bytes over gRPC."""
    from concurrent.futures import ThreadPoolExecutor

    import grpc as rpc

    session = session_of(model)

    def infer(asked: bytes, context: Any) -> bytes:
        values = np.frombuffer(asked, np.float32).reshape(1, -1)
        return session.run(None, {'observation': values})[0].tobytes()

    server = rpc.server(ThreadPoolExecutor(1))
    method = rpc.unary_unary_rpc_method_handler(infer)
    server.add_generic_rpc_handlers(
        [rpc.method_handlers_generic_handler('Policy', {'infer': method})]
    )
    server.add_insecure_port(f'127.0.0.1:{port}')
    server.start()
    server.wait_for_termination()


def rclpy(model: str, port: int) -> None:
    """Serve the model from a bare node: no engine, no guard, no counters."""
    import array

    import rclpy as ros
    from rclpy.executors import ExternalShutdownException

    from hotswap_ros import msg, srv

    session = session_of(model)

    def infer(asked: Any, answer: Any) -> Any:
        values = np.asarray(asked.inputs[0].values, np.float32).reshape(1, -1)
        decision = session.run(None, {'observation': values})[0]
        answer.decision.outputs = [
            msg.Tensor(
                name='decision',
                dtype=msg.Tensor.FLOAT32,
                shape=decision.shape,
                values=array.array('f', decision.tobytes()),
            )
        ]
        return answer

    ros.init()
    node = ros.create_node('bare_server')
    node.create_service(srv.Infer, '~/infer', infer)
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        ros.spin(node)


if __name__ == '__main__':
    globals()[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
