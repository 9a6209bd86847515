# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Services of the coordinator: control, history, reports, validation of plans."""

from __future__ import annotations

import json
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from hotswap_ros import srv
from hotswap_ros.coordinator import (
    Preview,
    forecast,
    needed_inputs,
    outlook_of,
    planned_steps,
    robot_limits,
)
from hotswap_ros.limits import NAME_CHARACTERS, REMARK_CHARACTERS
from hotswap_ros.nodes.conversions.plan import forecast_msg, item_msg, odds_msg
from hotswap_ros.nodes.conversions.rollout import step_msgs, summary_msg
from hotswap_ros.nodes.coordinator.loop import LoopLink
from hotswap_ros.nodes.coordinator.plan_reader import PlanReader
from hotswap_ros.plan import Plan, PlanError, review
from hotswap_ros.rollout import (
    LEADS_ON,
    MissingVersionError,
    SeveralRolloutsError,
    UnknownRolloutError,
    Verb,
    check_nonce,
)
from hotswap_ros.text import plain

_VERBS = {getattr(srv.ControlRollout.Request, verb.name): verb for verb in Verb}

#: Longest wait in seconds for a model repository.
_LOOKUP_S = 10.0


class RolloutServices:
    """Services `~/control_rollout`, `~/list_rollouts` and `~/get_report`."""

    def __init__(self, node: Node, link: LoopLink, group: CallbackGroup) -> None:
        self._link = link
        for kind, name, callback in (
            (srv.ControlRollout, 'control_rollout', self._control_rollout),
            (srv.ListRollouts, 'list_rollouts', self._list_rollouts),
            (srv.GetReport, 'get_report', self._get_report),
        ):
            node.create_service(kind, f'~/{name}', callback, callback_group=group)

    async def _control_rollout(self, request: Any, response: Any) -> Any:
        verb = _VERBS.get(request.command)
        if verb is None:
            response.error_code = response.INVALID_COMMAND
            response.error_msg = (
                f'command {request.command} is unknown; known commands: '
                + ', '.join(f'{code} {verb.value}' for code, verb in sorted(_VERBS.items()))
            )
            return response
        step = None if request.step_index < 0 and verb not in LEADS_ON else request.step_index
        try:
            check_nonce(request.nonce)
            await self._link.ask(
                lambda coordinator, now: coordinator.command(
                    request.rollout_id,
                    verb,
                    now,
                    plain(request.remark, REMARK_CHARACTERS),
                    request.share,
                    plain(request.by, NAME_CHARACTERS),
                    plain(request.robot_id, NAME_CHARACTERS),
                    step=step,
                    nonce=request.nonce,
                )
            )
        except (UnknownRolloutError, SeveralRolloutsError) as error:
            response.error_code, response.error_msg = response.UNKNOWN_ROLLOUT, str(error)
        except Exception as error:
            response.error_code, response.error_msg = response.INVALID_COMMAND, str(error)
        return response

    async def _list_rollouts(self, request: Any, response: Any) -> Any:
        try:
            rollouts = await self._link.ask(
                lambda coordinator, _: coordinator.history(request.limit)
            )
        except Exception as error:
            response.error_code, response.error_msg = response.FAILED, str(error)
        else:
            response.rollouts = [summary_msg(summary) for summary in rollouts]
        return response

    async def _get_report(self, request: Any, response: Any) -> Any:
        try:
            report = await self._link.ask(
                lambda coordinator, _: coordinator.report(request.rollout_id)
            )
        except Exception as error:
            response.error_code, response.error_msg = response.UNKNOWN_ROLLOUT, str(error)
        else:
            response.report = json.dumps(report)
        return response


class PlanService:
    """Service `~/validate_plan`."""

    def __init__(
        self, node: Node, link: LoopLink, reader: PlanReader, group: CallbackGroup
    ) -> None:
        self._link = link
        self._reader = reader
        node.create_service(
            srv.ValidatePlan, '~/validate_plan', self._validate_plan, callback_group=group
        )

    async def _validate_plan(self, request: Any, response: Any) -> Any:
        try:
            await self._fill_in(request, response)
        except PlanError as error:
            response.problems = error.problems
        except Exception as error:
            response.problems = [str(error)]
        else:
            return response
        response.error_code = response.INVALID_PLAN
        response.error_msg = response.problems[0]
        return response

    async def _fill_in(self, request: Any, response: Any) -> None:
        plan = await self._reader.plan(request.plan)
        versions = await self._reader.versions(plan)
        preview: Preview = await self._link.ask(
            lambda coordinator, now: coordinator.preview(plan, now, versions)
        )
        items, forecasts, outlook = await self._reader.do(
            lambda: (
                review(plan, preview.facts),
                forecast(preview, versions),
                outlook_of(preview),
            )
        )
        steps = planned_steps(preview.steps, plan.version)
        response.steps = step_msgs(steps)
        response.forecasts = [forecast_msg(found) for found in forecasts]
        response.odds = [odds_msg(found) for found in outlook.odds]
        response.outlook = [
            *outlook.sentences,
            *robot_limits(plan, preview.steps),
            *needed_inputs(preview),
        ]
        response.checklist = [item_msg(item) for item in items]
        response.problems = [
            *await self._missing_version(plan),
            *(f'{item.name.value}: {item.sentence}' for item in items if item.blocks),
        ]

    async def _missing_version(self, plan: Plan) -> list[str]:
        try:
            await self._reader.refuse_missing(plan.model_id, plan.version, _LOOKUP_S)
        except MissingVersionError as error:
            return [f'version: {error}']
        return []
