# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a plan would do: `~/validate_plan`, and plans that are named instead of given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from hotswap_ros import srv
from hotswap_ros.nodes import fleet_conversions
from hotswap_ros.nodes._coordinator_loop import LoopLink
from hotswap_ros.plan import PlanError


class PlanService:
    """Serves `~/validate_plan`; `plans` is the folder of plan files that may be named."""

    def __init__(self, node: Node, link: LoopLink, plans: Path, group: CallbackGroup) -> None:
        self._link = link
        self._plans = plans
        node.create_service(
            srv.ValidatePlan, '~/validate_plan', self._validate_plan, callback_group=group
        )

    async def _validate_plan(self, request: Any, response: Any) -> Any:
        try:
            steps = await self._link.ask(
                lambda coordinator, now: coordinator.validate(
                    plan_text(request.plan, self._plans), now
                )
            )
        except PlanError as error:
            response.problems = error.problems
        except Exception as error:
            response.problems = [str(error)]
        else:
            response.steps = fleet_conversions.step_msgs(steps)
            return response
        response.error_code = response.INVALID_PLAN
        response.error_msg = response.problems[0]
        return response


def plan_text(plan: str, folder: Path) -> str:
    """
    Return the text of a plan, read from a folder of plan files when it is a name. Blocks.

    Raises PlanError.
    """
    name = plan.strip()
    looks_like_a_name = '\n' not in name and ':' not in name and '{' not in name
    if not (name and looks_like_a_name):
        return plan
    path = folder / name
    if path.name != name:
        raise PlanError([f"'{name}' is not the name of a file in the plans folder {folder}"])
    try:
        return path.read_text()
    except OSError as error:
        there = ', '.join(sorted(p.name for p in folder.glob('*.*'))) or 'no plan'
        raise PlanError([f'plan file {path}: {error.strerror} (there: {there})']) from error
    except UnicodeDecodeError as error:
        raise PlanError([f'plan file {path}: is not UTF-8 text ({error.reason})']) from error
