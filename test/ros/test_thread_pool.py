# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Coroutines of an executor that wait for other threads."""

import threading

import pytest
from _world import PATIENCE_S, wait_until
from rclpy.executors import SingleThreadedExecutor

from hotswap_ros.nodes.process import new_executor
from hotswap_ros.nodes.thread_pool import Pending, ThreadPool, in_pool


@pytest.fixture(params=[new_executor, SingleThreadedExecutor])
def executor(request, world):
    executor = request.param(context=world.context)
    yield executor
    executor.shutdown(timeout_sec=1.0)


@pytest.fixture
def pool():
    pool = ThreadPool('test', threads=1)
    yield pool
    pool.stop()


def test_what_a_job_returns_or_raises_comes_to_who_waits(executor, pool):
    found = []

    async def wait():
        found.append(await in_pool(pool, executor, lambda: 'done'))
        try:
            await in_pool(pool, executor, lambda: 1 / 0)
        except ZeroDivisionError as error:
            found.append(error)

    executor.create_task(wait)

    def is_done():
        executor.spin_once(timeout_sec=0.1)
        return len(found) == 2

    wait_until(is_done, lambda: f'two answers: {found}')
    assert found[0] == 'done'


def test_others_have_their_turn_while_somebody_waits(executor):
    future, turns = Pending(executor, nap_s=0.001), []

    async def wait():
        turns.append(await future)

    executor.create_task(wait)
    for number in range(3):
        executor.create_task(turns.append, number)

    def has(count):
        executor.spin_once(timeout_sec=0.1)
        return len(turns) == count

    wait_until(lambda: has(3), 'the turns of others')
    future.set_result('late')
    wait_until(lambda: has(4), 'the turn of who waited')
    # In any order: that of tasks is not defined, and on Jazzy the newest runs first.
    assert set(turns[:3]) == {0, 1, 2}
    assert turns[3:] == ['late']


def test_who_is_asked_at_once_again_naps_until_there_is_a_result(executor):
    """An executor that asks without end would else take a core for every rollout that runs."""
    future, answers = Pending(executor, nap_s=PATIENCE_S), []
    waiting = future.__await__()

    def ask():
        next(waiting)
        answers.append('first')
        next(waiting, None)
        answers.append('second')

    asker = threading.Thread(target=ask, daemon=True)
    asker.start()
    wait_until(lambda: answers, 'the first answer, which is at once')
    asker.join(0.05)
    assert answers == ['first']
    future.set_result(None)
    asker.join(PATIENCE_S)
    assert answers == ['first', 'second']
