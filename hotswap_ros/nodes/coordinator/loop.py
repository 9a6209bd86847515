# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The thread that owns the Coordinator, and its link to the executor."""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.task import Future

from hotswap_ros.coordinator import (
    Archive,
    ArchiveError,
    Coordinator,
    Journal,
    JournalError,
    JournalHeldError,
    Snapshot,
    journal_path,
)
from hotswap_ros.fleet import Command, Event
from hotswap_ros.nodes.coordinator.parameters import CoordinatorParameters, archive_of
from hotswap_ros.nodes.thread_pool import Pending, fail, resolve
from hotswap_ros.rollout import UnknownRolloutError

#: Pause in seconds between two polls of a coroutine that waits for news.
_NAP_S = 0.002
#: Seconds that a coordinator may take to end, after its successor was started.
_PREDECESSOR_S = 5.0


@dataclass(frozen=True)
class News:
    """
    The result of one tick, for the executor thread.

    `shown` are the rollouts that just ended and those under way, or else the last one.
    """

    commands: tuple[Command, ...]
    events: tuple[Event, ...]
    events_number: int
    events_of_past: int
    lease_rollouts: tuple[str, ...] | None
    journal_error: str
    archive_error: str
    robots_heard: int
    robots_quarantined: tuple[str, ...]
    taken_over: str
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    shown: tuple[Snapshot, ...] = ()


class Loop(threading.Thread):
    """The thread that owns the Coordinator: all access to it runs here, one job at a time."""

    def __init__(self, parameters: CoordinatorParameters, deliver: Callable[[News], None]) -> None:
        super().__init__(name='coordinator', daemon=True)
        # Wall time that never decreases while this process runs.
        self._offset = time.time() - time.monotonic()
        self._jobs: queue.SimpleQueue[Callable[[Coordinator, float], None] | None]
        self._jobs = queue.SimpleQueue()
        self._parameters = parameters
        self._journal_path = journal_path(parameters.journal)
        self._archive = archive_of(parameters.archive_folder, self._journal_path)
        self._deliver = deliver
        self._opened: queue.SimpleQueue[Exception | int] = queue.SimpleQueue()
        self.watched: set[str] = set()

    def open(self, timeout_s: float) -> int:
        """Start; return the epoch when the journal is open. Raises JournalError."""
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
        """Tick until `stop` is called."""
        try:
            # SQLite allows one thread: the journal is opened, used and closed in this one.
            journal = Journal(self._journal_path)
            _hold(journal)
            coordinator = Coordinator(
                journal,
                _new_rollout_id,
                self._now(),
                self._parameters.unreachable_after_s,
                verify_rollback_s=self._parameters.verify_rollback_s,
            )
        except Exception as error:
            self._opened.put(error)
            return
        self._opened.put(coordinator.epoch)
        try:
            self._put_away(coordinator, self._ended_unseen(coordinator))
            while self._work(coordinator):
                self._deliver(self._look(coordinator))
        finally:
            journal.close()

    def _work(self, coordinator: Coordinator) -> bool:
        until = time.monotonic() + self._parameters.tick_period_s
        while (left := until - time.monotonic()) > 0:
            try:
                job = self._jobs.get(timeout=left)
            except queue.Empty:
                break
            if job is None:
                return False
            job(coordinator, self._now())
        return True

    def _look(self, coordinator: Coordinator) -> News:
        now = self._now()
        output = coordinator.tick(now)
        # A rollout that just ended is shown once more, even if others are under way.
        shown = dict.fromkeys((*output.ended, *coordinator.shown_ids))
        asked = {i: coordinator.snapshot(now, i) for i in self.watched.copy().union(shown)}
        found = {i: snapshot for i, snapshot in asked.items() if snapshot is not None}
        return News(
            output.commands,
            output.events,
            output.events_number,
            output.events_of_past,
            output.lease_rollouts,
            coordinator.journal_error,
            self._put_away(coordinator, output.ended, output.verified),
            coordinator.robots_heard(now),
            coordinator.robots_quarantined,
            coordinator.taken_over,
            found,
            tuple(found[i] for i in shown if i in found),
        )

    def _put_away(
        self, coordinator: Coordinator, ended: Iterable[str], verified: Iterable[str] = ()
    ) -> str:
        """Archive ended rollouts, and later findings about them; return the error."""
        if self._archive is None:
            return ''
        try:
            for rollout_id in ended:
                metrics = coordinator.metrics(rollout_id)
                self._put_report_away(self._archive, coordinator, rollout_id, metrics)
            for rollout_id in verified:
                self._put_report_away(self._archive, coordinator, rollout_id, None)
        except (ArchiveError, JournalError) as error:
            return str(error)
        return ''

    @staticmethod
    def _put_report_away(
        archive: Archive, coordinator: Coordinator, rollout_id: str, metrics: Any
    ) -> None:
        # 'hotswap journal prune' deletes rollouts beside a coordinator that runs.
        with suppress(UnknownRolloutError):
            archive.put(rollout_id, coordinator.report(rollout_id), metrics)

    def _ended_unseen(self, coordinator: Coordinator) -> list[str]:
        """Return the rollouts that ended in the journal but are not in the archive (a kill)."""
        if self._archive is None:
            return []
        ended = [s.rollout_id for s in coordinator.history() if s.status.is_terminal]
        return [rollout_id for rollout_id in ended if not self._archive.has(rollout_id)]

    def _now(self) -> float:
        return time.monotonic() + self._offset


def _hold(journal: Journal) -> None:
    """Wait for the end of a coordinator that is being replaced. Raises JournalHeldError."""
    give_up_at = time.monotonic() + _PREDECESSOR_S
    while True:
        try:
            journal.hold()
        except JournalHeldError:
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(0.1)
        else:
            return


def _new_rollout_id() -> str:
    return time.strftime('%Y%m%d-%H%M%S-', time.gmtime()) + secrets.token_hex(2)


class LoopLink:
    """
    The executor's side of the loop: sends it jobs, and receives its news where ROS may be used.

    All methods except `post` are for the executor thread.
    """

    def __init__(
        self,
        node: Node,
        parameters: CoordinatorParameters,
        take: Callable[[News], None],
    ) -> None:
        self._node = node
        self._take = take
        self._unread: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._waiting: list[Future[News]] = []
        #: Takes the rollouts whose leases are renewed, in the thread of the loop.
        self.renew: Callable[[tuple[str, ...] | None], None] = lambda _: None
        self._loop = Loop(parameters, self._hand_over)
        self.epoch = self._loop.open(timeout_s=10.0)

    @property
    def is_alive(self) -> bool:
        """Return whether the loop is running."""
        return self._loop.is_alive()

    @property
    def watched(self) -> set[str]:
        """Return the ids of the rollouts whose snapshots the news contain; a set to modify."""
        return self._loop.watched

    def post(self, job: Callable[[Coordinator, float], None]) -> None:
        """Run a job soon in the loop, before the next tick."""
        self._loop.post(job)

    def ask(self, question: Callable[[Coordinator, float], Any]) -> Future[Any]:
        """Return a future of the answer of the loop, or of its exception."""
        executor: Executor = self._node.executor
        future = Pending(executor, _NAP_S)

        def answer(coordinator: Coordinator, now: float) -> None:
            try:
                resolve(future, executor, question(coordinator, now))
            except Exception as error:
                fail(future, executor, error)

        self._loop.post(answer)
        return future

    def next_news(self) -> Future[News]:
        """Return a future of the news of the next tick."""
        future = Pending(self._node.executor, _NAP_S)
        self._waiting.append(future)
        return future

    def stop(self) -> None:
        """End the loop."""
        self._loop.stop()

    def _hand_over(self, news: News) -> None:
        self.renew(news.lease_rollouts)
        # The first ones come before the node has an executor: they wait for the next.
        self._unread.put(news)
        executor = self._node.executor
        if executor is not None:
            executor.create_task(self._read)

    def _read(self) -> None:
        while not self._unread.empty():
            news = self._unread.get()
            self._take(news)
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(news)
