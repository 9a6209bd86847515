# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Actions of the coordinator: rollout and rollback."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from hotswap_ros import action, msg
from hotswap_ros.coordinator import Coordinator, Preview, Rollback, outlook_of
from hotswap_ros.nodes.conversions.rollout import rollout_feedback, status_code
from hotswap_ros.nodes.coordinator.loop import LoopLink, News
from hotswap_ros.nodes.coordinator.plan_reader import PlanReader
from hotswap_ros.plan import Plan, PlanError, VersionFacts
from hotswap_ros.rollout import (
    Cause,
    MissingVersionError,
    NoRobotsError,
    NothingToRollBackError,
    OverlapError,
    RolloutError,
    Status,
    UnknownRobotError,
    Verb,
    check_nonce,
)
from hotswap_ros.text import unconfirmed

_ROLLOUT_CODES = {
    Cause.NONE: action.Rollout.Result.NONE,
    Cause.UNKNOWN_VERSION: action.Rollout.Result.UNKNOWN_VERSION,
    Cause.DIGEST_MISMATCH: action.Rollout.Result.DIGEST_MISMATCH,
    Cause.STAGING_FAILED: action.Rollout.Result.STAGING_FAILED,
    Cause.GATE_FAILED: action.Rollout.Result.GATE_FAILED,
    Cause.CANCELED: action.Rollout.Result.CANCELED,
    Cause.TIMED_OUT: action.Rollout.Result.TIMED_OUT,
    Cause.SUPERSEDED: action.Rollout.Result.CANCELED,
    Cause.BY_HAND: action.Rollout.Result.CANCELED,
    Cause.REFUSED: action.Rollout.Result.CANCELED,
    Cause.INCONCLUSIVE: action.Rollout.Result.GATE_FAILED,
    Cause.CHECKLIST_FAILED: action.Rollout.Result.CHECKLIST_FAILED,
}
#: Seconds from the coordinator's start until every robot has been heard: robots publish their
#: status once a second, and DDS needs a while to discover them.
_HEARS_ALL_S = 2.0
#: Longest wait in seconds for the model repository, before a rollback to a version that no robot
#: has had.
_LOOKUP_S = 1.0


class _TakenOverError(Exception):
    """Another coordinator took over while a goal was active."""


class CoordinatorActions:
    """Action servers `~/rollout` and `~/rollback`."""

    def __init__(
        self, node: Node, link: LoopLink, reader: PlanReader, group: CallbackGroup
    ) -> None:
        self._node = node
        self._link = link
        self._reader = reader
        self._began = time.monotonic()
        self._servers = [
            ActionServer(
                node,
                kind,
                name,
                run,
                cancel_callback=lambda goal, answer=on_cancel: answer,
                # Long enough to look the result up later; the journal keeps it for ever.
                result_timeout=900,
                callback_group=group,
            )
            for kind, name, run, on_cancel in (
                (action.Rollout, '~/rollout', self._run_rollout, CancelResponse.ACCEPT),
                (action.Rollback, '~/rollback', self._run_rollback, CancelResponse.REJECT),
            )
        ]

    async def _run_rollout(self, goal: Any) -> Any:
        result = action.Rollout.Result()
        try:
            nonce = goal.request.nonce
            check_nonce(nonce)
            plan = await self._reader.plan(goal.request.plan)
            versions = await self._reader.versions(plan)
            await self._hear_the_fleet()
            preview, rollout_id = await self._link.ask(
                lambda coordinator, now: _begin(coordinator, plan, now, versions, nonce)
            )
        except Exception as error:
            goal.abort()
            result.status = msg.RolloutStatus.STATUS_FAILED
            result.error_code, result.error_msg = _start_code(error), str(error)
            result.reason = str(error)
            self._node.get_logger().error(f'rollout refused: {error}')
            return result
        self._link.watched.add(rollout_id)
        result.rollout_id = rollout_id
        if preview is not None:
            self._node.executor.create_task(self._note_odds(preview, rollout_id))
        try:
            state = await self._follow(goal, rollout_id)
            report = await self._link.ask(lambda coordinator, _: coordinator.report(rollout_id))
        except _TakenOverError as error:
            goal.abort()
            result.error_code, result.error_msg = result.INTERNAL, str(error)
            result.reason = str(error)
            return result
        finally:
            self._link.watched.discard(rollout_id)
        result.status = status_code(state.status)
        result.reason = state.reason
        result.report = json.dumps(report)
        result.error_code = _ROLLOUT_CODES[state.cause]
        result.error_msg = state.reason if result.error_code else ''
        if state.status is Status.SUCCEEDED:
            goal.succeed()
        elif goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
        return result

    async def _hear_the_fleet(self) -> None:
        """Wait until every robot has been heard: a stage is a share of the whole fleet."""
        while time.monotonic() - self._began < _HEARS_ALL_S:
            await self._link.next_news()

    async def _note_odds(self, preview: Preview, rollout_id: str) -> None:
        """Let the report have what the plan makes of versions. The rollout does not wait."""
        try:
            outlook = await self._reader.do(lambda: outlook_of(preview))
            await self._link.ask(
                lambda coordinator, _: coordinator.note_odds(rollout_id, outlook.odds)
            )
        except Exception as error:  # A report without it is better than no rollout.
            self._node.get_logger().warning(f'the odds of {rollout_id} are not known: {error}')

    async def _follow(self, goal: Any, rollout_id: str) -> Any:
        canceled = False
        published: Any = None
        published_at = 0.0
        while True:
            news = await self._next_news()
            snapshot = news.snapshots.get(rollout_id)
            if goal.is_cancel_requested and not canceled:
                canceled = True
                await self._abort(rollout_id)
            if snapshot is None:
                continue
            state = snapshot.state
            # People read this line by line: at every relevant change, and once a second.
            shown = (state.status, state.pause_reason, state.step_index)
            if shown != published or time.monotonic() - published_at >= 1.0:
                published, published_at = shown, time.monotonic()
                goal.publish_feedback(rollout_feedback(snapshot))
            if state.status.is_terminal:
                return state

    async def _next_news(self) -> News:
        news = await self._link.next_news()
        if news.taken_over:
            raise _TakenOverError(news.taken_over)
        return news

    async def _abort(self, rollout_id: str) -> None:
        try:
            await self._link.ask(
                lambda coordinator, now: coordinator.command(
                    rollout_id, Verb.ABORT, now, 'goal canceled'
                )
            )
        except RolloutError as error:
            self._node.get_logger().warning(str(error))

    async def _run_rollback(self, goal: Any) -> Any:
        asked = goal.request
        result = action.Rollback.Result()
        try:
            check_nonce(asked.nonce)
            if asked.version:
                await self._reader.refuse_missing(asked.model_id, asked.version, _LOOKUP_S)
            rollback = await self._link.ask(
                lambda coordinator, now: coordinator.roll_back(
                    asked.model_id, asked.version, tuple(asked.robot_ids), now, asked.nonce
                )
            )
        except Exception as error:
            goal.abort()
            result.error_code, result.error_msg = _rollback_code(error), str(error)
            self._node.get_logger().error(f'rollback refused: {error}')
            return result
        result.rollback_id = rollback.state.rollback_id
        try:
            while not rollback.is_done:
                await self._next_news()
                goal.publish_feedback(
                    action.Rollback.Feedback(
                        robots_confirmed=rollback.state.robots_confirmed,
                        robots_total=rollback.robots_total,
                    )
                )
        except _TakenOverError as error:
            goal.abort()
            result.error_code, result.error_msg = result.INTERNAL, str(error)
            return result
        result.robots_confirmed = rollback.state.robots_confirmed
        result.robots_total = rollback.robots_total
        result.command_s = rollback.state.command_s or 0.0
        result.confirm_s = rollback.state.confirm_s or 0.0
        result.error_code, result.error_msg = _rollback_outcome(rollback)
        if result.error_code:
            goal.abort()
        else:
            goal.succeed()
        return result


def _begin(
    coordinator: Coordinator,
    plan: Plan,
    now: float,
    versions: Mapping[str, VersionFacts],
    nonce: str,
) -> tuple[Preview | None, str]:
    """Begin a rollout; return its preview and id. A copy gets the id of the first, and None."""
    known = coordinator.rollout_of(nonce)
    if known:
        return None, known
    preview = coordinator.preview(plan, now, versions)
    return preview, coordinator.start(plan, now, versions, nonce)


def _start_code(error: Exception) -> int:
    codes = action.Rollout.Result
    if isinstance(error, PlanError):
        return int(codes.INVALID_PLAN)
    if isinstance(error, OverlapError):
        return int(codes.OVERLAP)
    return int(codes.NO_ROBOTS if isinstance(error, NoRobotsError) else codes.INTERNAL)


def _rollback_code(error: Exception) -> int:
    codes = action.Rollback.Result
    if isinstance(error, (NothingToRollBackError, UnknownRobotError)):
        return int(codes.NO_ROBOTS)
    if isinstance(error, MissingVersionError):
        return int(codes.UNKNOWN_VERSION)
    return int(codes.INTERNAL)


def _rollback_outcome(rollback: Rollback) -> tuple[int, str]:
    codes = action.Rollback.Result
    if rollback.state.status is Status.SUPERSEDED:
        return int(codes.SUPERSEDED), rollback.state.reason
    problems = [f'{robot_id}: {text}' for robot_id, (_, text) in rollback.state.refused.items()]
    if rollback.state.unconfirmed:
        problems.append(unconfirmed(rollback.state.unconfirmed))
    if not problems:
        return int(codes.NONE), ''
    confirmed, total = rollback.state.robots_confirmed, rollback.robots_total
    count = f'{confirmed} of {total} robots confirmed the rollback; '
    causes = {cause for cause, _ in rollback.state.refused.values()}
    code = codes.LOAD_FAILED if causes else codes.TIMED_OUT
    code = codes.UNKNOWN_VERSION if causes == {Cause.UNKNOWN_VERSION} else code
    return int(code), count + '; '.join(problems)
