# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
What the nodes need of an executor, on each that they may run with.

The one of the programs differs between distributions of ROS 2, and so does what it awaits.
"""

import pytest
from _world import wait_until
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import Empty as EmptyMessage
from std_srvs.srv import Empty

from hotswap_ros import srv
from hotswap_ros.nodes import qos
from hotswap_ros.nodes.process import initialized, new_executor
from hotswap_ros.nodes.thread_pool import ThreadPool, in_pool
from hotswap_ros.sim.faults.network_link import Link
from hotswap_ros.sim.nodes.computer import Computer, SimModelServer


@pytest.fixture(params=[new_executor, SingleThreadedExecutor])
def executor(request, world):
    executor = request.param(context=world.context)
    yield executor
    executor.shutdown(timeout_sec=1.0)


@pytest.fixture
def node(executor, world):
    node = Node('served', **world.node_options)
    executor.add_node(node)
    yield node
    executor.remove_node(node)
    node.destroy_node()


@pytest.fixture
def pool():
    pool = ThreadPool('test', threads=1)
    yield pool
    pool.stop()


def spin_until(executor, condition, what):
    def holds():
        executor.spin_once(timeout_sec=0.1)
        return condition()

    return wait_until(holds, what)


def answer_of(executor, node, kind, name):
    """Call a service of this process and return its answer."""
    client = node.create_client(kind, name)
    spin_until(executor, client.service_is_ready, f'service {name}')
    future = client.call_async(kind.Request())
    spin_until(executor, future.done, f'an answer of {name}')
    return future.result()


def names_in(answer):
    return [version.version for version in answer.versions]


def test_a_service_whose_callback_is_a_coroutine_is_answered(executor, node, pool):
    async def serve(_, response):
        await in_pool(pool, executor, lambda: None)
        return response

    node.create_service(Empty, 'slow', serve, callback_group=ReentrantCallbackGroup())
    assert isinstance(answer_of(executor, node, Empty, 'slow'), Empty.Response)


def test_others_are_heard_while_a_coroutine_waits(executor, node, pool):
    heard = []
    node.create_subscription(EmptyMessage, 'topic', heard.append, qos.EVENT)
    publisher = node.create_publisher(EmptyMessage, 'topic', qos.EVENT)
    spin_until(executor, publisher.get_subscription_count, 'the subscription')

    async def serve(_, response):
        publisher.publish(EmptyMessage())
        await in_pool(pool, executor, lambda: wait_until(lambda: heard, 'a message'))
        return response

    node.create_service(Empty, 'slow', serve, callback_group=ReentrantCallbackGroup())
    answer_of(executor, node, Empty, 'slow')
    assert heard


def test_simulated_robots_answer_through_their_network(executor, node, world, policies, tmp_path):
    """Their services take slow callbacks and quick ones alike, before and after a cut."""
    jobs = []
    link = Link(lambda delay_s, job: jobs.append(job), lambda: 0.0)
    values = {'model_id': 'pick_policy', 'model_repository': str(policies), 'autostart': False}
    server = SimModelServer(
        Computer(link, tmp_path / 'disk'),
        **world.node_options,
        namespace='r1',
        parameter_overrides=[Parameter(key, value=value) for key, value in values.items()],
    )
    server.trigger_configure()
    executor.add_node(server)
    try:
        name = '/r1/model_server/list_models'
        asked = answer_of(executor, node, srv.ListModels, name)
        assert asked.error_code == asked.NONE
        link.set(cut=True, delay_s=0.0)
        client = node.create_client(srv.ListModels, name)
        spin_until(executor, client.service_is_ready, name)
        late = client.call_async(srv.ListModels.Request())
        spin_until(executor, lambda: any(way.waiting for way in link._ways), 'a blocked call')
        assert not late.done()
        link.set(cut=False, delay_s=0.0)
        for job in jobs:
            job()
        spin_until(executor, late.done, 'the late answer')
        assert names_in(late.result()) == names_in(asked)
    finally:
        executor.remove_node(server)
        server.stop()
        server.destroy_node()


def test_a_process_starts_and_ends_rclpy(world, monkeypatch):
    """Also where `rclpy.init` is no context manager."""
    monkeypatch.setenv('ROS_DOMAIN_ID', str(world.domain.number))
    with initialized(['--ros-args', '-r', '__ns:=/own']):
        node = Node('own', start_parameter_services=False, enable_rosout=False)
        assert node.get_fully_qualified_name() == '/own/own'
        context = node.context
        assert context.ok()
        node.destroy_node()
    assert not context.ok()
