# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a plan would do, and what stands in its way: `~/validate_plan`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from hotswap_ros import srv
from hotswap_ros.nodes import plan_conversions
from hotswap_ros.nodes._coordinator_loop import LoopLink
from hotswap_ros.nodes._plan_reader import PlanReader
from hotswap_ros.plan import PlanError, review
from hotswap_ros.rollout import Preview, forecast


class PlanService:
    """Serves `~/validate_plan`."""

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
            await self._fill_in(request.plan, response)
        except PlanError as error:
            response.problems = error.problems
        except Exception as error:
            response.problems = [str(error)]
        else:
            return response
        response.error_code = response.INVALID_PLAN
        response.error_msg = response.problems[0]
        return response

    async def _fill_in(self, plan: str, response: Any) -> None:
        text = await self._reader.text(plan)
        preview: Preview = await self._link.ask(
            lambda coordinator, now: coordinator.preview(text, now)
        )
        versions = await self._reader.versions(preview.plan)
        items, forecasts = await self._reader.do(
            lambda: (
                review(preview.plan, replace(preview.facts, versions=versions)),
                forecast(preview, versions),
            )
        )
        response.steps = plan_conversions.planned_msgs(preview.steps)
        response.forecasts = [plan_conversions.forecast_msg(found) for found in forecasts]
        response.checklist = [plan_conversions.item_msg(item) for item in items]
        response.problems = [
            f'{item.name.value}: {item.sentence}' for item in items if item.blocks
        ]
