# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Services of a model server for the fleet: load, unload and list versions, set the routing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hotswap_ros import srv
from hotswap_ros.models import (
    DigestMismatchError,
    FetchFailedError,
    IncompleteVersionError,
    InvalidManifestError,
    InvalidRoutingError,
    NoDiskError,
    Routing,
    UnknownVersionError,
)
from hotswap_ros.nodes.conversions.bounds import sentence
from hotswap_ros.nodes.conversions.common import routing_msg, routing_value
from hotswap_ros.nodes.conversions.robot import version_msg
from hotswap_ros.nodes.model_server.managed_node import ManagedNode
from hotswap_ros.nodes.thread_pool import ThreadPool, in_pool
from hotswap_ros.serving import (
    Engine,
    InUseError,
    MovingError,
    NoMemoryError,
    NoRoomError,
    NotLoadedError,
    NotReadyError,
    ServingError,
    StaleGenerationError,
    UnknownModelError,
)

_LOAD_CODES: dict[type[Exception], int] = {
    UnknownVersionError: srv.LoadModel.Response.UNKNOWN_VERSION,
    InvalidManifestError: srv.LoadModel.Response.INVALID_MANIFEST,
    DigestMismatchError: srv.LoadModel.Response.DIGEST_MISMATCH,
    NoRoomError: srv.LoadModel.Response.NO_ROOM,
    FetchFailedError: srv.LoadModel.Response.FETCH_FAILED,
    IncompleteVersionError: srv.LoadModel.Response.FETCH_FAILED,
    NoDiskError: srv.LoadModel.Response.NO_DISK,
    NoMemoryError: srv.LoadModel.Response.NO_MEMORY,
}
_ROUTING_CODES: dict[type[Exception], int] = {
    UnknownModelError: srv.SetRouting.Response.UNKNOWN_MODEL,
    StaleGenerationError: srv.SetRouting.Response.STALE_GENERATION,
    NotReadyError: srv.SetRouting.Response.NOT_READY,
    MovingError: srv.SetRouting.Response.NOT_READY,
    InvalidRoutingError: srv.SetRouting.Response.INVALID,
}


class VersionServices:
    """
    Serves `~/load_model`, `~/unload_model`, `~/set_routing` and `~/list_models`.

    `worker` loads, unloads and lists; `routing` is a pool that does nothing but set routings.
    `on_routed` is called after a routing was accepted.
    """

    def __init__(
        self,
        server: ManagedNode,
        engine: Engine,
        worker: ThreadPool,
        routing: ThreadPool,
        on_routed: Callable[[], None],
    ) -> None:
        self._server = server
        self._engine = engine
        self._worker = worker
        self._routing = routing
        self._on_routed = on_routed
        for kind, name, callback in (
            (srv.LoadModel, 'load_model', self._load_model),
            (srv.UnloadModel, 'unload_model', self._unload_model),
            (srv.SetRouting, 'set_routing', self._set_routing),
            (srv.ListModels, 'list_models', self._list_models),
        ):
            server.service(kind, name, callback)

    def _do(self, worker: ThreadPool, job: Callable[[], Any]) -> Any:
        return in_pool(worker, self._server.executor, job)

    def _is_for_another(self, request: Any, response: Any) -> bool:
        served = self._engine.model_id
        if request.model_id == served:
            return False
        response.error_code = response.UNKNOWN_MODEL
        response.error_msg = str(UnknownModelError(request.model_id, served))
        return True

    async def _load_model(self, request: Any, response: Any) -> Any:
        engine = self._engine
        if self._is_for_another(request, response):
            return response
        try:
            info = await self._do(self._worker, lambda: engine.load(request.version))
        except Exception as error:  # whatever it is, the node serves on
            text = sentence(str(error))
            self._server.get_logger().error(f'load {request.version}: {text}')
            response.error_code = _LOAD_CODES.get(type(error), response.LOAD_FAILED)
            response.error_msg = text
            return response
        response.status = version_msg(info)
        self._server.get_logger().info(f'{request.version} is ready, digest {info.digest[:12]}…')
        return response

    async def _unload_model(self, request: Any, response: Any) -> Any:
        engine = self._engine
        if self._is_for_another(request, response):
            return response
        try:
            await self._do(
                self._worker,
                lambda: engine.unload(request.version, request.drain_s, request.delete_files),
            )
        except NotLoadedError as error:
            response.error_code, response.error_msg = response.UNKNOWN_VERSION, str(error)
        except InUseError as error:
            response.error_code, response.error_msg = response.IN_USE, str(error)
        except OSError as error:
            response.error_code = response.DELETE_FAILED
            response.error_msg = (
                f'{request.version} is released, but its files could not be deleted ({error}): '
                "check the folder of parameter 'cache_folder'"
            )
        else:
            gone = ' and its cached files are deleted' if request.delete_files else ''
            self._server.get_logger().info(f'{request.version} is released{gone}')
        return response

    async def _set_routing(self, request: Any, response: Any) -> Any:
        engine = self._engine
        response.routing = routing_msg(engine.routing)
        try:
            wanted = routing_value(request.routing)
            changed = wanted != engine.routing
            # In a thread: the answer waits a moment for the disk to have it.
            in_force = await self._do(self._routing, lambda: engine.set_routing(wanted))
        except (InvalidRoutingError, ServingError) as error:
            response.error_code = _ROUTING_CODES.get(type(error), response.INVALID)
            response.error_msg = str(error)
            return response
        response.routing = routing_msg(in_force)
        self._on_routed()
        if changed:
            text = f'routing {in_force.generation}: {described(in_force)}'
            self._server.get_logger().info(text)
        return response

    async def _list_models(self, request: Any, response: Any) -> Any:
        engine = self._engine
        try:
            infos = await self._do(self._worker, engine.known_versions)
        except OSError as error:
            self._server.get_logger().error(f'the model repository cannot be read: {error}')
            infos = engine.versions()
        response.model_id = engine.model_id
        response.versions = [version_msg(info) for info in infos]
        response.routing = routing_msg(engine.routing)
        return response


def described(routing: Routing) -> str:
    """Return a routing in words."""
    if not routing.stable:
        return 'nothing is served'
    if not routing.candidate:
        return f'{routing.stable} serves every task'
    return f'{routing.candidate} serves {routing.candidate_share:.0%}, {routing.stable} the rest'
