# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Runs tasks: the action `~/run_task`, and the thread of the control loop."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rclpy.action import ActionServer, CancelResponse

from hotswap_ros import action
from hotswap_ros.nodes.conversions.common import seconds
from hotswap_ros.nodes.model_server.managed_node import ManagedNode
from hotswap_ros.nodes.policy_runner.decider import EngineDecider
from hotswap_ros.nodes.policy_runner.topics import Topics
from hotswap_ros.nodes.thread_pool import Pending, resolve
from hotswap_ros.policies import Contract, ControlLoop, MessageError, problems_of
from hotswap_ros.serving import Engine, NotServingError, TaskOutcome, UnknownTaskError

_Result = action.RunTask.Result
_TIMEOUT_S = 60.0
#: Seconds between two messages to whoever sent the goal, and longest pause of its coroutine.
_FEEDBACK_S = 0.5
_NAP_S = 0.02


@dataclass(frozen=True)
class _End:
    success: bool
    code: int = _Result.NONE
    problem: str = ''


class _Task:
    """One task; the loop's thread and callbacks share it, and the first end is the one."""

    def __init__(self, task_id: str, category: str, timeout_s: float) -> None:
        self.task_id = task_id
        self.category = category
        self.timeout_s = timeout_s
        self.began_s = time.monotonic()
        self.duration_s = 0.0
        self.commands = 0
        self.version = self.problem = ''
        self.outcome: TaskOutcome | None = None
        self.end: _End | None = None
        self.has_ended = False
        self._lock = threading.Lock()

    def finish(self, end: _End) -> None:
        """End the task, unless it has ended."""
        with self._lock:
            if self.end is None:
                self.end = end


class TaskRunner:
    """
    Runs one task at a time in a thread of its own, at the rate of the contract.

    `report_task` counts how a task ended. `stop` must be called before the node is destroyed.
    """

    def __init__(
        self,
        node: ManagedNode,
        engine: Engine,
        contract: Contract,
        report_task: Callable[..., TaskOutcome],
    ) -> None:
        self._node = node
        self._engine = engine
        self._contract = contract
        self._report = report_task
        self._topics = Topics(node, contract, self._on_outcome)
        self._decider = EngineDecider(engine)
        self._loop: tuple[object, ControlLoop] | None = None
        self._task: _Task | None = None
        self._news = threading.Condition()
        self._is_stopped = False
        self._waiting: Pending | None = None
        self._thread = threading.Thread(target=self._work, name='control loop', daemon=True)
        self._thread.start()
        self._server = ActionServer(
            node,
            action.RunTask,
            '~/run_task',
            self._run,
            cancel_callback=self._on_cancel,
            callback_group=node.default_callback_group,
        )

    def stop(self) -> None:
        """End the task under way and both threads."""
        with self._news:
            self._is_stopped = True
            if self._task is not None:
                self._task.finish(_End(False, _Result.NOT_ACTIVE, 'the node is being stopped'))
            self._news.notify_all()
        self._thread.join(1.0)
        self._decider.stop()
        self._server.destroy()

    def on_reported(self, task_id: str, success: bool, outcome: TaskOutcome) -> None:
        """Note that somebody has reported how a task ended."""
        task = self._task
        if task is not None and task.task_id == task_id:
            task.outcome = outcome
            task.finish(_End(success))

    def _on_outcome(self, success: bool) -> None:
        task = self._task
        if task is not None:
            task.finish(_End(success))

    def _on_cancel(self, goal: Any) -> CancelResponse:
        task = self._task
        if task is not None:
            task.finish(_End(False, _Result.CANCELED, 'the goal was canceled'))
        return CancelResponse.ACCEPT

    # -- the action -------------------------------------------------------------------------------

    async def _run(self, goal: Any) -> Any:
        asked = goal.request
        timeout_s = seconds(asked.timeout) or _TIMEOUT_S
        task = _Task(asked.task_id or uuid.uuid4().hex[:12], asked.category, timeout_s)
        refused = self._begin(task)
        if refused is not None:
            goal.abort()
            return _Result(
                task_id=task.task_id, error_code=refused.code, error_msg=refused.problem
            )
        while not task.has_ended:
            self._waiting = Pending(self._node.executor, _NAP_S)
            if not task.has_ended:
                await self._waiting
            goal.publish_feedback(
                action.RunTask.Feedback(
                    version=task.version,
                    elapsed_s=time.monotonic() - task.began_s,
                    commands=task.commands,
                    problem=task.problem,
                )
            )
        return self._result(goal, task)

    def _begin(self, task: _Task) -> _End | None:
        """Hand a task to the thread; returns why it cannot begin, or None."""
        with self._news:
            if not self._node.is_active:
                return _End(False, _Result.NOT_ACTIVE, 'the node is inactive: activate it')
            if self._task is not None:
                problem = (
                    f"task '{self._task.task_id}' is under way: wait for its end, or cancel it"
                )
                return _End(False, _Result.BUSY, problem)
            try:
                loop = self._control_loop()
            except NotServingError as error:
                return _End(False, _Result.NOT_ACTIVE, str(error))
            except MessageError as error:
                return _End(False, _Result.UNFIT_VERSION, str(error))
            loop.begin(task.task_id, task.category, time.monotonic())
            self._task = task
            self._news.notify_all()
        return None

    def _control_loop(self) -> ControlLoop:
        """Return the loop for the stable version. Raises NotServingError and MessageError."""
        manifest = self._engine.manifest
        if self._loop is not None and self._loop[0] is manifest:
            return self._loop[1]
        problems = problems_of(self._contract, manifest)
        if problems:
            raise MessageError(f"version '{manifest.version}': {'; '.join(problems)}")
        last = None if self._loop is None else self._loop[1].last_command
        loop = ControlLoop(self._contract, manifest, self._topics.sources, self._decider, last)
        self._loop = (manifest, loop)
        return loop

    def _result(self, goal: Any, task: _Task) -> Any:
        end, loop = task.end, self._loop
        assert end is not None
        assert loop is not None
        if end.code == _Result.CANCELED and goal.is_cancel_requested:
            goal.canceled()
        elif end.code == _Result.NONE:
            goal.succeed()
        else:
            goal.abort()
        return _Result(
            task_id=task.task_id,
            version='' if task.outcome is None else task.outcome.version,
            success=end.success,
            commands=task.commands,
            starved=loop[1].starved,
            fallbacks=loop[1].fallbacks,
            duration_s=task.duration_s,
            error_code=end.code,
            error_msg=end.problem,
        )

    # -- the loop's thread ------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._task is not None or self._is_stopped)
                task, loop = self._task, self._loop
            if task is None or loop is None:
                return
            self._control(task, loop[1])
            self._count(task)
            with self._news:
                self._task = None
                task.has_ended = True
            self._tell()
            if self._is_stopped:
                return

    def _control(self, task: _Task, loop: ControlLoop) -> None:
        """Send commands until the task has ended."""
        next_s = told_s = time.monotonic()
        while task.end is None:
            now_s = time.monotonic()
            try:
                step = loop.step(now_s)
                self._topics.send(step.commands)
            except Exception as error:  # whatever it is, the robot stops and the task fails
                task.finish(_End(False, _Result.UNFIT_VERSION, str(error)))
                break
            task.commands += bool(step.commands)
            task.version, task.problem = step.version, step.problem
            if loop.aborted:
                task.finish(_End(False, _Result.NO_OBSERVATION, loop.aborted))
            elif now_s - task.began_s > task.timeout_s:
                problem = f'the task took longer than {task.timeout_s:g} s'
                task.finish(_End(False, _Result.TIMED_OUT, problem))
            elif not self._node.is_active:
                task.finish(_End(False, _Result.NOT_ACTIVE, 'the node was deactivated'))
            if now_s - told_s >= _FEEDBACK_S:
                told_s = now_s
                self._tell()
            # A step that was late is not made up for: two commands at once are none.
            next_s = max(next_s + self._contract.step_s, time.monotonic())
            time.sleep(max(0.0, next_s - time.monotonic()))
        self._topics.send(loop.stop())

    def _count(self, task: _Task) -> None:
        """Report how the task ended, unless somebody did."""
        end = task.end
        task.duration_s = time.monotonic() - task.began_s
        if end is None or task.outcome is not None:
            return
        with suppress(UnknownTaskError):  # no version has decided anything
            task.outcome = self._report(
                task.task_id, end.success, error=end.problem, duration_s=task.duration_s
            )

    def _tell(self) -> None:
        waiting = self._waiting
        if waiting is not None and self._node.executor is not None:
            resolve(waiting, self._node.executor, None)
