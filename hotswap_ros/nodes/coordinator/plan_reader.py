# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reader of plans and of facts about their versions, in threads of its own."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from rclpy.node import Node
from rclpy.task import Future

from hotswap_ros.bounded_calls import BoundedCalls
from hotswap_ros.coordinator import JournalError, read_versions, refuse_missing
from hotswap_ros.models import UnknownVersionError
from hotswap_ros.nodes.coordinator.loop import LoopLink
from hotswap_ros.nodes.thread_pool import ThreadPool, in_pool
from hotswap_ros.plan import Plan, PlanError, VersionFacts, load_plan, read_plan_file
from hotswap_ros.rollout import MissingVersionError

T = TypeVar('T')

#: Seconds of one job. The slowest forecast, of 100 stages and 1,000 robots, takes a few.
WITHIN_S = 30.0


class PlanReader:
    """
    A reader of plans and of facts about the versions in them.

    `plans` is the folder of plan files and lab results, `repository` the model repository; empty:
    none.
    """

    def __init__(self, node: Node, link: LoopLink, plans: Path, repository: str) -> None:
        self._node = node
        self._link = link
        self._plans = plans
        self._repository = repository
        self._pool = ThreadPool('plans', threads=1)
        self._calls = BoundedCalls()
        self._numbers = itertools.count(1)
        # Has little time, and a forecast takes seconds of the other.
        self._lookups = ThreadPool('lookup', threads=1)

    def stop(self) -> None:
        """End the threads."""
        self._pool.stop()
        self._lookups.stop()

    def do(self, job: Callable[[], T]) -> Future[T]:
        """
        Return a future of a job that takes too long for the executor.

        It raises OverdueError after `WITHIN_S`: the next job does not wait for one that hangs.
        """
        name = f'reading plan {next(self._numbers)}'
        return in_pool(
            self._pool, self._node.executor, lambda: self._calls.call(name, job, WITHIN_S)
        )

    async def plan(self, plan: str) -> Plan:
        """Return a plan that is given as text or as a file name. Raises PlanError."""
        found: Plan = await self.do(lambda: load_plan(plan_text(plan, self._plans)))
        return found

    async def versions(self, plan: Plan) -> Mapping[str, VersionFacts]:
        """Return facts about a plan's version and about the versions that robots serve."""
        model_id = plan.model_id
        served = await self._served(model_id)
        lab = None
        if plan.checklist is not None and plan.checklist.lab_results:
            lab = file_in(self._plans, plan.checklist.lab_results)
        wanted = {plan.version, *served}
        found: Mapping[str, VersionFacts] = await self.do(
            lambda: read_versions(self._repository, model_id, wanted, lab)
        )
        return found

    async def refuse_missing(self, model_id: str, version: str, within_s: float) -> None:
        """
        Raise MissingVersionError if no robot has had a version, and the repository lacks it.

        A version that robots had is not looked up. Without a repository, or an answer of it in
        time, nobody can tell, and nothing is raised.
        """
        try:
            known: set[str] = await self._link.ask(
                lambda coordinator, _: coordinator.known_versions(model_id)
            )
        except JournalError:
            return
        if not self._repository or version in known:
            return
        served = await self._served(model_id)
        lookup = in_pool(
            self._lookups,
            self._node.executor,
            lambda: refuse_missing(self._repository, model_id, version, served),
        )
        # One that ends too late is no news: nobody else asks for its error.
        lookup.add_done_callback(lambda late: late.exception())
        give_up_at = time.monotonic() + within_s
        while not lookup.done() and time.monotonic() < give_up_at:
            await self._link.next_news()
        error = lookup.exception() if lookup.done() else None
        if isinstance(error, UnknownVersionError):
            raise MissingVersionError(model_id, version, known.union(error.known)) from error

    async def _served(self, model_id: str) -> set[str]:
        served: set[str] = await self._link.ask(
            lambda coordinator, _: {
                report.routing.stable for report in coordinator.reports(model_id).values()
            }
        )
        return served - {''}


def plan_text(plan: str, folder: Path) -> str:
    """
    Return the text of a plan, read from a file of the folder if it is a file name. Blocks.

    Raises PlanError.
    """
    name = plan.strip()
    looks_like_a_name = '\n' not in name and ':' not in name and '{' not in name
    if not (name and looks_like_a_name):
        return plan
    path = file_in(folder, name)
    try:
        return read_plan_file(path)
    except OSError as error:
        there = ', '.join(sorted(p.name for p in folder.glob('*.*'))) or 'none'
        raise PlanError(
            [f'plan file {path}: {error.strerror} (files in this folder: {there})']
        ) from error


def file_in(folder: Path, name: str) -> Path:
    """Return the path of a file in the plans folder. Raises PlanError for another folder."""
    path = folder / name
    if path.name != name:
        raise PlanError([f"'{name}' is not the name of a file in the plans folder {folder}"])
    return path
