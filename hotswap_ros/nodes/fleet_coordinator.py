# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The fleet side: a node around one Coordinator.

Two threads. The loop thread owns the Coordinator: it takes what was heard, ticks, writes the
journal, and hands the outcome over. The executor thread does everything that is ROS, and never
waits.
"""

from __future__ import annotations

import json
import os
import queue
import secrets
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.exceptions import InvalidServiceNameException
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.task import Future

from hotswap_ros import action, msg, srv
from hotswap_ros.models import InvalidRoutingError
from hotswap_ros.nodes import conversions, fleet_conversions, qos
from hotswap_ros.nodes.parameters import declare, parameter
from hotswap_ros.nodes.process import run
from hotswap_ros.nodes.share import shared
from hotswap_ros.nodes.worker import fail, resolve
from hotswap_ros.plan import PlanError
from hotswap_ros.rollout import (
    IN_MEMORY,
    Cause,
    Command,
    Coordinator,
    Event,
    Journal,
    JournalError,
    Level,
    LoadVersion,
    NothingToRollBackError,
    OverlapError,
    Rollback,
    RolloutError,
    Route,
    Snapshot,
    Status,
    UnknownRobotError,
    UnknownRolloutError,
    UnloadVersion,
    Verb,
)

_LOAD_CAUSES = {
    srv.LoadModel.Response.UNKNOWN_MODEL: Cause.STAGING_FAILED,
    srv.LoadModel.Response.UNKNOWN_VERSION: Cause.UNKNOWN_VERSION,
    srv.LoadModel.Response.INVALID_MANIFEST: Cause.STAGING_FAILED,
    srv.LoadModel.Response.DIGEST_MISMATCH: Cause.DIGEST_MISMATCH,
    srv.LoadModel.Response.LOAD_FAILED: Cause.STAGING_FAILED,
}
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
}
_VERBS = {
    srv.ControlRollout.Request.PAUSE: Verb.PAUSE,
    srv.ControlRollout.Request.RESUME: Verb.RESUME,
    srv.ControlRollout.Request.APPROVE: Verb.APPROVE,
    srv.ControlRollout.Request.ABORT: Verb.ABORT,
    srv.ControlRollout.Request.SKIP_WAIT: Verb.SKIP_WAIT,
    srv.ControlRollout.Request.SET_SHARE: Verb.SET_SHARE,
    srv.ControlRollout.Request.REFUSE: Verb.REFUSE,
    srv.ControlRollout.Request.ROLLBACK: Verb.ROLLBACK,
}
_SERVICES = {
    LoadVersion: (srv.LoadModel, 'load_model'),
    UnloadVersion: (srv.UnloadModel, 'unload_model'),
    Route: (srv.SetRouting, 'set_routing'),
}


@dataclass(frozen=True)
class CoordinatorParameters:
    """Parameters of the coordinator."""

    fleet_namespace: str = parameter('/fleet', 'Namespace of the topics that the fleet shares.')
    journal: str = parameter(
        '',
        'File that keeps rollouts over restarts; empty: hotswap_ros/journal.sqlite3 in the ROS '
        'home folder; "none": kept nowhere, for trials only.',
    )
    plans_folder: str = parameter(
        '', "Folder of plan files that goals may name; empty: the package's examples."
    )
    tick_period_s: float = parameter(
        0.05, 'Longest time in seconds between two looks at the fleet.', low=0.01, high=1.0
    )
    heartbeat_period_s: float = parameter(
        1.0,
        'Seconds between two heartbeats; a lease has 3 s at least.',
        low=0.1,
        high=1.0,
    )
    unreachable_after_s: float = parameter(
        5.0, 'Seconds without a status until a robot counts as out of reach.', low=0.5, high=3600.0
    )
    command_timeout_s: float = parameter(
        5.0, 'Seconds until an unanswered command is given up and repeated.', low=0.1, high=60.0
    )
    load_timeout_s: float = parameter(
        60.0, 'The same for loading a version.', low=0.1, high=3600.0
    )


@dataclass(frozen=True)
class _News:
    """What one tick brought, for the executor thread."""

    commands: tuple[Command, ...]
    events: tuple[tuple[str, Event], ...]
    lease_rollouts: tuple[str, ...] | None
    journal_error: str
    robots_heard: int
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    latest: Snapshot | None = None


class _Loop(threading.Thread):
    """Owns the Coordinator: everything that touches it runs here, one thing at a time."""

    def __init__(
        self,
        journal_path: str,
        unreachable_after_s: float,
        tick_period_s: float,
        deliver: Callable[[_News], None],
    ) -> None:
        super().__init__(name='coordinator', daemon=True)
        # Wall time that never goes back while this process runs.
        self._offset = time.time() - time.monotonic()
        self._jobs: queue.SimpleQueue[Callable[[Coordinator, float], None] | None]
        self._jobs = queue.SimpleQueue()
        self._period_s = tick_period_s
        self._deliver = deliver
        self._journal_path = journal_path
        self._unreachable_after_s = unreachable_after_s
        self._opened: queue.SimpleQueue[Exception | int] = queue.SimpleQueue()
        self.watched: set[str] = set()

    def open(self, timeout_s: float) -> int:
        """Start, and return the epoch once the journal is open. Raises JournalError."""
        self.start()
        outcome = self._opened.get(timeout=timeout_s)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def post(self, job: Callable[[Coordinator, float], None]) -> None:
        """Run a job soon, before the next tick."""
        self._jobs.put(job)

    def stop(self, timeout_s: float = 1.5) -> None:
        """End the thread and close the journal."""
        self._jobs.put(None)
        self.join(timeout_s)

    def run(self) -> None:
        try:
            # SQLite wants one thread: the journal is opened, used and closed in this one.
            journal = Journal(self._journal_path)
            coordinator = Coordinator(
                journal, _new_rollout_id, self._now(), self._unreachable_after_s
            )
        except Exception as error:
            self._opened.put(error)
            return
        self._opened.put(coordinator.epoch)
        try:
            while self._work(coordinator):
                self._deliver(self._look(coordinator))
        finally:
            journal.close()

    def _work(self, coordinator: Coordinator) -> bool:
        until = time.monotonic() + self._period_s
        while (left := until - time.monotonic()) > 0:
            try:
                job = self._jobs.get(timeout=left)
            except queue.Empty:
                break
            if job is None:
                return False
            job(coordinator, self._now())
        return True

    def _look(self, coordinator: Coordinator) -> _News:
        now = self._now()
        output = coordinator.tick(now)
        found = {i: coordinator.snapshot(now, i) for i in self.watched.copy()}
        return _News(
            output.commands,
            output.events,
            output.lease_rollouts,
            coordinator.journal_error,
            coordinator.robots_heard(now),
            {i: snapshot for i, snapshot in found.items() if snapshot is not None},
            coordinator.snapshot(now),
        )

    def _now(self) -> float:
        return time.monotonic() + self._offset


def _new_rollout_id() -> str:
    return time.strftime('%Y%m%d-%H%M%S-', time.gmtime()) + secrets.token_hex(2)


class FleetCoordinator(Node):
    """Runs rollouts and rollbacks over a fleet. `stop` must be called before it is destroyed."""

    def __init__(self, **node_options: Any) -> None:
        super().__init__('fleet_coordinator', **node_options)
        self.parameters = declare(self, CoordinatorParameters)
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        # The default group would wait for the end of each coroutine before it takes a message in.
        self._at_once = ReentrantCallbackGroup()
        self._callers: dict[tuple[str, str], Any] = {}
        self._calls: dict[Future[Any], tuple[float, Command, Any]] = {}
        self._robots: dict[tuple[str, str], msg.RobotStatus] = {}
        self._unread: queue.SimpleQueue[_News] = queue.SimpleQueue()
        self._news: list[Future[_News]] = []
        self._latest: Snapshot | None = None
        self._robots_heard = 0
        self._published = ''
        self._lease_rollouts: tuple[str, ...] | None = ()
        self._journal_error = ''
        journal = _journal_path(self.parameters.journal)
        self._loop = _Loop(
            journal,
            self.parameters.unreachable_after_s,
            self.parameters.tick_period_s,
            self._hand_over,
        )
        self._epoch = self._loop.open(timeout_s=10.0)
        self._build_interface()
        self.get_logger().info(f'ready, journal {journal}')

    def stop(self) -> None:
        """Stop the loop thread; a rollout that is under way goes on at the next start."""
        self._loop.stop()

    def _build_interface(self) -> None:
        fleet = self.parameters.fleet_namespace
        self.create_subscription(msg.RobotStatus, f'{fleet}/status', self._on_status, qos.EVENT)
        self.create_subscription(
            msg.ModelTelemetry, f'{fleet}/telemetry', self._on_telemetry, qos.STREAM
        )
        self._heartbeats = self.create_publisher(msg.Heartbeat, f'{fleet}/heartbeat', qos.STREAM)
        self._statuses = self.create_publisher(msg.RolloutStatus, '~/rollout_status', qos.STATE)
        self._alerts = self.create_publisher(msg.Alert, '~/alerts', qos.EVENT)
        # The one name that tools expect to be absolute.
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', qos.EVENT)
        for kind, name, callback in (
            (srv.ControlRollout, 'control_rollout', self._control_rollout),
            (srv.ValidatePlan, 'validate_plan', self._validate_plan),
            (srv.ListRollouts, 'list_rollouts', self._list_rollouts),
            (srv.GetReport, 'get_report', self._get_report),
        ):
            self.create_service(kind, f'~/{name}', callback, callback_group=self._at_once)
        self._rollout_server = ActionServer(
            self,
            action.Rollout,
            '~/rollout',
            self._run_rollout,
            cancel_callback=lambda goal: CancelResponse.ACCEPT,
            # Long enough for who looks the result up later; the journal keeps it for ever.
            result_timeout=900,
            callback_group=self._at_once,
        )
        self._rollback_server = ActionServer(
            self,
            action.Rollback,
            '~/rollback',
            self._run_rollback,
            cancel_callback=lambda goal: CancelResponse.REJECT,
            result_timeout=900,
            callback_group=self._at_once,
        )
        heartbeat_s = self.parameters.heartbeat_period_s
        self.create_timer(heartbeat_s, self._beat, clock=self._steady)
        self.create_timer(1.0, self._publish_every_second, clock=self._steady)
        self.create_timer(0.1, self._give_up_late_calls, clock=self._steady)

    # -- from the robots --------------------------------------------------------------------------

    def _on_status(self, status: Any) -> None:
        try:
            report = fleet_conversions.robot_report(status)
        except InvalidRoutingError as error:
            self.get_logger().error(
                f"status of '{status.robot_id}' is ignored: {error}", throttle_duration_sec=10.0
            )
            return
        self._robots[status.model_id, status.robot_id] = status
        try:
            # Before it is needed: a rollback must not wait for the discovery of a new client.
            self._client(status.server, Route)
        except InvalidServiceNameException as error:
            self.get_logger().error(
                f"status of '{status.robot_id}' is ignored: field 'server' is '{status.server}': "
                f'{" ".join(str(error).split())}',
                throttle_duration_sec=10.0,
            )
            return
        self._loop.post(lambda coordinator, now: coordinator.on_report(report, now))

    def _on_telemetry(self, message: Any) -> None:
        try:
            telemetry = fleet_conversions.telemetry_value(message)
        except fleet_conversions.TelemetryError as error:
            self.get_logger().error(str(error), throttle_duration_sec=10.0)
            return
        model_id, robot_id = message.model_id, message.robot_id
        self._loop.post(
            lambda coordinator, now: coordinator.on_telemetry(model_id, robot_id, telemetry)
        )

    # -- to the robots ----------------------------------------------------------------------------

    def _hand_over(self, news: _News) -> None:
        # The first ones come before the node has an executor: they wait for the next.
        self._unread.put(news)
        executor = self.executor
        if executor is not None:
            executor.create_task(self._read_news)

    def _read_news(self) -> None:
        while not self._unread.empty():
            self._take_news(self._unread.get())

    def _take_news(self, news: _News) -> None:
        for command in news.commands:
            self._call(command)
        for rollout_id, event in news.events:
            self._tell(rollout_id, event)
        if news.journal_error and news.journal_error != self._journal_error:
            self.get_logger().error(news.journal_error)
        self._journal_error = news.journal_error
        new_rollout = news.lease_rollouts != self._lease_rollouts
        self._lease_rollouts = news.lease_rollouts
        if new_rollout:
            self._beat()
        self._latest = news.latest
        self._robots_heard = news.robots_heard
        if self._has_changed(news.latest):
            self._publish_status()
        waiting, self._news = self._news, []
        for future in waiting:
            if not future.done():
                future.set_result(news)

    def _has_changed(self, latest: Snapshot | None) -> bool:
        if latest is None:
            return False
        state = latest.state
        key = f'{state.rollout_id} {state.status} {state.step_index} {state.pause_reason}'
        key += f' {latest.robots_confirmed} {latest.robots_unreachable} {latest.tasks}'
        changed, self._published = key != self._published, key
        return changed

    def _call(self, command: Command) -> None:
        client = self._client(command.server, type(command))
        if not client.service_is_ready():
            self._loop.post(partial(_unsent, command))
            return
        future = client.call_async(_request(command))
        limit = self.parameters.command_timeout_s
        if isinstance(command, LoadVersion):
            limit = self.parameters.load_timeout_s
        self._calls[future] = (time.monotonic() + limit, command, client)
        future.add_done_callback(partial(self._on_answer, command))

    def _on_answer(self, command: Command, future: Future[Any]) -> None:
        self._calls.pop(future, None)
        if future.cancelled() or future.exception() is not None:
            return
        answer = future.result()
        if not answer.error_code:
            return
        cause = Cause.NONE
        if isinstance(command, LoadVersion):
            cause = _LOAD_CAUSES.get(answer.error_code, Cause.NONE)
        text = answer.error_msg
        self.get_logger().warning(f'{command.robot_id}: {text}', throttle_duration_sec=1.0)
        self._loop.post(lambda coordinator, now: coordinator.on_refused(command, cause, text, now))

    def _give_up_late_calls(self) -> None:
        now = time.monotonic()
        late = [(f, c, client) for f, (limit, c, client) in self._calls.items() if limit <= now]
        for future, command, client in late:
            del self._calls[future]
            client.remove_pending_request(future)
            self._loop.post(partial(_unsent, command))

    def _client(self, server: str, kind: type[Command]) -> Any:
        service_type, name = _SERVICES[kind]
        key = (server, name)
        if key not in self._callers:
            self._callers[key] = self.create_client(service_type, f'{server}/{name}')
        return self._callers[key]

    # -- to people --------------------------------------------------------------------------------

    def _tell(self, rollout_id: str, event: Event) -> None:
        text = f'[{rollout_id}] {event.kind}: {event.text}' if rollout_id else event.text
        logger = self.get_logger()
        if event.level is Level.ERROR:
            logger.error(text)
        elif event.level is Level.WARNING:
            logger.warning(text)
        else:
            logger.info(text)
        if event.alert:
            self._alerts.publish(fleet_conversions.alert_msg(rollout_id, event))

    def _beat(self) -> None:
        if not self._loop.is_alive():
            # Robots must not be told that somebody watches: whoever started this starts it again.
            raise RuntimeError('the thread that runs rollouts has ended')
        if self._lease_rollouts is None:
            return
        self._heartbeats.publish(
            msg.Heartbeat(stamp=self._now(), epoch=self._epoch, rollout_ids=self._lease_rollouts)
        )

    def _publish_every_second(self) -> None:
        self._publish_status()
        self._publish_diagnostics()

    def _publish_status(self) -> None:
        status = msg.RolloutStatus()
        if self._latest is not None:
            status = fleet_conversions.rollout_status_msg(self._latest)
        status.stamp = self._now()
        status.robots_heard = self._robots_heard
        self._statuses.publish(status)

    def _publish_diagnostics(self) -> None:
        unwell = [s for s in self._robots.values() if s.health != msg.RobotStatus.HEALTH_OK]
        level, text = DiagnosticStatus.OK, f'{self._robots_heard} robots in reach'
        if self._robots_heard < len(self._robots):
            level = DiagnosticStatus.WARN
            text = f'{self._robots_heard} of {len(self._robots)} robots in reach'
        if unwell:
            level = DiagnosticStatus.WARN
            text += f', {len(unwell)} not well: ' + ', '.join(s.robot_id for s in unwell[:10])
        if self._journal_error:
            level, text = DiagnosticStatus.ERROR, self._journal_error
        values = {'epoch': str(self._epoch)}
        if self._latest is not None:
            state = self._latest.state
            values |= {'rollout': state.rollout_id, 'status': state.status.value}
            values |= {'version': state.plan.version, 'reason': state.reason}
        status = DiagnosticStatus(
            level=level,
            name='fleet_coordinator: rollouts',
            message=text,
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._now()
        self._diagnostics.publish(array)

    def _now(self) -> Any:
        return self.get_clock().now().to_msg()

    # -- actions ----------------------------------------------------------------------------------

    def _ask(self, question: Callable[[Coordinator, float], Any]) -> Future[Any]:
        executor: Executor = self.executor
        future: Future[Any] = Future(executor=executor)

        def answer(coordinator: Coordinator, now: float) -> None:
            try:
                resolve(future, executor, question(coordinator, now))
            except Exception as error:
                fail(future, executor, error)

        self._loop.post(answer)
        return future

    def _next_news(self) -> Future[_News]:
        future: Future[_News] = Future(executor=self.executor)
        self._news.append(future)
        return future

    async def _run_rollout(self, goal: Any) -> Any:
        result = action.Rollout.Result()
        try:
            rollout_id = await self._ask(
                lambda coordinator, now: coordinator.start(self._plan_text(goal.request.plan), now)
            )
        except Exception as error:
            goal.abort()
            result.status = msg.RolloutStatus.STATUS_FAILED
            result.error_code, result.error_msg = _start_code(error), str(error)
            result.reason = str(error)
            self.get_logger().error(f'rollout refused: {error}')
            return result
        self._loop.watched.add(rollout_id)
        try:
            state = await self._follow(goal, rollout_id)
            report = await self._ask(lambda coordinator, _: coordinator.report(rollout_id))
        finally:
            self._loop.watched.discard(rollout_id)
        result.rollout_id = rollout_id
        result.status = fleet_conversions.status_code(state.status)
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

    async def _follow(self, goal: Any, rollout_id: str) -> Any:
        canceled = False
        told: Any = None
        told_at = 0.0
        while True:
            news = await self._next_news()
            snapshot = news.snapshots.get(rollout_id)
            if goal.is_cancel_requested and not canceled:
                canceled = True
                await self._abort(rollout_id)
            if snapshot is None:
                continue
            state = snapshot.state
            # People read this line by line: at every change that matters, and once a second.
            news_of = (state.status, state.pause_reason, state.step_index)
            if news_of != told or time.monotonic() - told_at >= 1.0:
                told, told_at = news_of, time.monotonic()
                goal.publish_feedback(fleet_conversions.rollout_feedback(snapshot))
            if state.status.is_terminal:
                return state

    async def _abort(self, rollout_id: str) -> None:
        try:
            await self._ask(
                lambda coordinator, now: coordinator.command(
                    rollout_id, Verb.ABORT, now, 'goal canceled'
                )
            )
        except RolloutError as error:
            self.get_logger().warning(str(error))

    async def _run_rollback(self, goal: Any) -> Any:
        asked = goal.request
        result = action.Rollback.Result()
        try:
            rollback = await self._ask(
                lambda coordinator, now: coordinator.roll_back(
                    asked.model_id, asked.version, tuple(asked.robot_ids), now
                )
            )
        except Exception as error:
            goal.abort()
            result.error_code, result.error_msg = _rollback_code(error), str(error)
            self.get_logger().error(f'rollback refused: {error}')
            return result
        while not rollback.is_done:
            await self._next_news()
            goal.publish_feedback(
                action.Rollback.Feedback(
                    robots_confirmed=rollback.robots_confirmed, robots_total=rollback.robots_total
                )
            )
        result.robots_confirmed = rollback.robots_confirmed
        result.robots_total = rollback.robots_total
        result.command_s = rollback.command_s or 0.0
        result.confirm_s = rollback.confirm_s or 0.0
        result.error_code, result.error_msg = _rollback_outcome(rollback)
        if result.error_code:
            goal.abort()
        else:
            goal.succeed()
        return result

    def _plan_text(self, plan: str) -> str:
        """Return the text of a plan, read from the plans folder when it is a name. Blocks."""
        name = plan.strip()
        looks_like_a_name = '\n' not in name and ':' not in name and '{' not in name
        if not (name and looks_like_a_name):
            return plan
        folder = Path(self.parameters.plans_folder or shared('config', 'plans'))
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

    # -- services ---------------------------------------------------------------------------------

    async def _control_rollout(self, request: Any, response: Any) -> Any:
        verb = _VERBS.get(request.command)
        if verb is None:
            response.error_code = response.INVALID_COMMAND
            response.error_msg = (
                f'command {request.command} is not possible: this rollout knows '
                + ', '.join(f'{code} {verb.value}' for code, verb in _VERBS.items())
            )
            return response
        try:
            await self._ask(
                lambda coordinator, now: coordinator.command(
                    request.rollout_id, verb, now, request.remark, request.share
                )
            )
        except UnknownRolloutError as error:
            response.error_code, response.error_msg = response.UNKNOWN_ROLLOUT, str(error)
        except Exception as error:
            response.error_code, response.error_msg = response.INVALID_COMMAND, str(error)
        return response

    async def _validate_plan(self, request: Any, response: Any) -> Any:
        try:
            steps = await self._ask(
                lambda coordinator, now: coordinator.validate(self._plan_text(request.plan), now)
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

    async def _list_rollouts(self, request: Any, response: Any) -> Any:
        try:
            rollouts = await self._ask(lambda coordinator, _: coordinator.history(request.limit))
        except Exception as error:
            response.error_code, response.error_msg = response.FAILED, str(error)
        else:
            response.rollouts = [fleet_conversions.summary_msg(summary) for summary in rollouts]
        return response

    async def _get_report(self, request: Any, response: Any) -> Any:
        try:
            report = await self._ask(lambda coordinator, _: coordinator.report(request.rollout_id))
        except Exception as error:
            response.error_code, response.error_msg = response.UNKNOWN_ROLLOUT, str(error)
        else:
            response.report = json.dumps(report)
        return response


def _request(command: Command) -> Any:
    if isinstance(command, Route):
        return srv.SetRouting.Request(routing=conversions.routing_msg(command.routing))
    kind = srv.LoadModel if isinstance(command, LoadVersion) else srv.UnloadModel
    return kind.Request(model_id=command.model_id, version=command.version)


def _unsent(command: Command, coordinator: Coordinator, now: float) -> None:
    coordinator.on_unsent(command)


def _start_code(error: Exception) -> int:
    codes = action.Rollout.Result
    if isinstance(error, PlanError):
        return int(codes.INVALID_PLAN)
    if isinstance(error, OverlapError):
        return int(codes.OVERLAP)
    return int(codes.NO_ROBOTS if isinstance(error, RolloutError) else codes.INTERNAL)


def _rollback_code(error: Exception) -> int:
    codes = action.Rollback.Result
    if isinstance(error, OverlapError):
        return int(codes.OVERLAP)
    if isinstance(error, (NothingToRollBackError, UnknownRobotError)):
        return int(codes.NO_ROBOTS)
    return int(codes.INTERNAL)


def _rollback_outcome(rollback: Rollback) -> tuple[int, str]:
    codes = action.Rollback.Result
    problems = [f'{robot_id}: {text}' for robot_id, (_, text) in rollback.refused.items()]
    if rollback.owed:
        problems.append(f'did not confirm and are owed it: {", ".join(rollback.owed)}')
    if not problems:
        return int(codes.NONE), ''
    count = f'{rollback.robots_confirmed} of {rollback.robots_total} robots are back; '
    causes = {cause for cause, _ in rollback.refused.values()}
    code = codes.LOAD_FAILED if causes else codes.TIMED_OUT
    code = codes.UNKNOWN_VERSION if causes == {Cause.UNKNOWN_VERSION} else code
    return int(code), count + '; '.join(problems)


def _journal_path(given: str) -> str:
    if given == 'none':
        return IN_MEMORY
    if given:
        return given
    home = os.environ.get('ROS_HOME') or str(Path.home() / '.ros')
    return str(Path(home) / 'hotswap_ros' / 'journal.sqlite3')


def main(args: list[str] | None = None) -> None:
    """Run the coordinator until SIGINT or SIGTERM."""

    def start(executor: Executor) -> Callable[[], None]:
        coordinator = FleetCoordinator()
        executor.add_node(coordinator)
        return coordinator.stop

    try:
        run(args, start)
    except JournalError as error:
        sys.exit(f'fleet_coordinator: {error}')
