# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The node that is all a robot needs beside its drivers: topics in, commands out.

It is a model server with a contract: versions, routing and counters are as there, and the policy
runs in this process.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from hotswap_ros.nodes.model_server import ModelServer, run_server
from hotswap_ros.nodes.policy_runner.parameters import PolicyRunnerParameters
from hotswap_ros.nodes.policy_runner.task_runner import TaskRunner
from hotswap_ros.policies import read_contract
from hotswap_ros.serving import Engine, TaskOutcome


class PolicyRunner(ModelServer):
    """
    Runs the policy of one robot.

    `~/run_task` begins a task. `stop` must be called before the node is destroyed.
    """

    PARAMETERS = PolicyRunnerParameters
    NAME = 'policy_runner'

    def __init__(self, **options: Any) -> None:
        self._runner: TaskRunner | None = None
        super().__init__(**options)

    def report_task(self, task_id: str, success: bool, **figures: Any) -> TaskOutcome:
        """Count how a task ended and publish it, as ModelServer does; the task ends with it."""
        outcome = super().report_task(task_id, success, **figures)
        if self._runner is not None:
            self._runner.on_reported(task_id, success, outcome)
        return outcome

    def stop(self) -> None:
        """Stop the threads, before the node is destroyed."""
        self._stop_runner()
        super().stop()

    def _build_interface(self, engine: Engine) -> None:
        super()._build_interface(engine)
        given = cast('PolicyRunnerParameters', self.parameters)
        contract = read_contract(Path(given.contract))
        self._runner = TaskRunner(self, engine, contract, super().report_task)

    def _tear_down(self) -> None:
        self._stop_runner()
        super()._tear_down()

    def _stop_runner(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.stop()


def main(args: list[str] | None = None) -> None:
    """Run one policy runner until SIGINT or SIGTERM."""
    run_server(PolicyRunner, args)
