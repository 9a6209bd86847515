# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What the coordinator reads beside its loop: nothing that is urgent waits for a forecast."""

import threading
from types import SimpleNamespace

from _world import PATIENCE_S, wait_until

from hotswap_ros.bounded_calls import OverdueError
from hotswap_ros.nodes.coordinator import plan_reader
from hotswap_ros.nodes.coordinator.plan_reader import PlanReader
from hotswap_ros.nodes.process import new_executor
from hotswap_ros.rollout import MissingVersionError


class Link:
    """A loop whose coordinator has heard one robot, which serves v23."""

    async def ask(self, question):
        report = SimpleNamespace(routing=SimpleNamespace(stable='v23'))
        coordinator = SimpleNamespace(
            known_versions=lambda _: {'v23'}, reports=lambda _: {'robot_01': report}
        )
        return question(coordinator, 0.0)

    async def next_news(self):
        return None


def test_a_missing_version_is_refused_while_a_forecast_is_made(world, policies, tmp_path):
    executor = new_executor(context=world.context)
    reader = PlanReader(SimpleNamespace(executor=executor), Link(), tmp_path, str(policies))
    is_over, found = threading.Event(), []

    async def ask():
        try:
            await reader.refuse_missing('pick_policy', 'v32', PATIENCE_S)
        except MissingVersionError as error:
            found.append(error)

    try:
        reader.do(lambda: is_over.wait(2 * PATIENCE_S))
        executor.create_task(ask)

        def is_refused():
            executor.spin_once(timeout_sec=0.1)
            return found

        wait_until(is_refused, 'the refusal')
    finally:
        is_over.set()
        reader.stop()
        executor.shutdown(timeout_sec=1.0)


def test_a_plan_that_hangs_holds_no_other_up(world, tmp_path, monkeypatch):
    monkeypatch.setattr(plan_reader, 'WITHIN_S', 0.05)
    executor = new_executor(context=world.context)
    reader = PlanReader(SimpleNamespace(executor=executor), Link(), tmp_path, '')
    is_over = threading.Event()
    try:
        late, next_one = reader.do(is_over.wait), reader.do(lambda: 'read')
        wait_until(next_one.done, 'the next plan')
        assert isinstance(late.exception(), OverdueError)
        assert next_one.result() == 'read'
    finally:
        is_over.set()
        reader.stop()
        executor.shutdown(timeout_sec=1.0)
