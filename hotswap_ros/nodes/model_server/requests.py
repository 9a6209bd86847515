# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Requests of robot code to a model server: infer, and report how a task ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hotswap_ros import msg, srv
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.conversions.common import NOT_REPORTED, seconds
from hotswap_ros.nodes.conversions.robot import TensorError, decision_msg, tensors_to_arrays
from hotswap_ros.nodes.model_server.managed_node import ManagedNode
from hotswap_ros.serving import (
    Engine,
    InferenceFailedError,
    InvalidReportError,
    NotServingError,
    ObservationError,
    TaskOutcome,
    UnknownTaskError,
)

_NOT_ACTIVE = (
    'the model server is not active: activate it (ros2 lifecycle set <node> activate), or read '
    'its log for the reason why it could not be'
)


class RobotRequests:
    """
    Serves `~/infer` and `~/report_task`, and answers `~/observation` with `~/decision`.

    Requests are refused while the server is not active. `report_task` counts the end of a task.
    """

    def __init__(
        self, server: ManagedNode, engine: Engine, report_task: Callable[..., TaskOutcome]
    ) -> None:
        self._server = server
        self._engine = engine
        self._report = report_task
        self._decisions = server.publisher(msg.Decision, '~/decision', qos.STREAM)
        server.listen(msg.Observation, '~/observation', self._on_observation, qos.STREAM)
        server.service(srv.Infer, 'infer', self._infer)
        server.service(srv.ReportTask, 'report_task', self._report_task)

    def _infer(self, request: Any, response: Any) -> Any:
        decision = response.decision = self._decide(request)
        response.error_code, response.error_msg = decision.error_code, decision.error_msg
        return response

    def _on_observation(self, observation: Any) -> None:
        decision = self._decide(observation)
        decision.sequence = observation.sequence
        self._decisions.publish(decision)

    def _decide(self, request: Any) -> Any:
        codes = srv.Infer.Response
        decision, code, text = msg.Decision(), codes.NONE, ''
        try:
            if self._server.is_active:
                inputs = tensors_to_arrays(request.inputs)
                made = self._engine.infer(inputs, request.task_id, request.category)
                decision = decision_msg(made)
            else:
                code, text = codes.NOT_ACTIVE, _NOT_ACTIVE
        except (TensorError, ObservationError) as error:
            code, text = codes.INVALID_OBSERVATION, str(error)
        except NotServingError as error:
            code, text = codes.NOT_ACTIVE, str(error)
        except InferenceFailedError as error:
            code, text = codes.INFERENCE_FAILED, str(error)
        decision.stamp = self._server.now()
        decision.task_id = request.task_id
        decision.error_code, decision.error_msg = code, text
        return decision

    def _report_task(self, request: Any, response: Any) -> Any:
        if not self._server.is_active:
            response.error_code, response.error_msg = response.NOT_ACTIVE, _NOT_ACTIVE
            return response
        try:
            outcome = self._report(
                request.task_id,
                request.success,
                stuck=request.stuck,
                error=request.error,
                progress=None if request.progress == NOT_REPORTED else request.progress,
                duration_s=seconds(request.duration) or None,
                interventions=request.interventions,
            )
        except InvalidReportError as error:
            response.error_code, response.error_msg = response.INVALID_REPORT, str(error)
            return response
        except UnknownTaskError as error:
            response.error_code, response.error_msg = response.UNKNOWN_TASK, str(error)
            return response
        response.version = outcome.version
        return response
