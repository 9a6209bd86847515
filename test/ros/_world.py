# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Fixtures of tests over DDS: ROS domains of their own, a client, and real processes.

Nothing here sleeps for a fixed time: every wait is for a condition and has a deadline, which is
long because a loaded machine is no fault of the code under test.
"""

from __future__ import annotations

import ctypes
import json
import os
import queue
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import rclpy
from ament_index_python.packages import get_package_prefix
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from hotswap_ros import action, msg, srv
from hotswap_ros.nodes import qos

#: Deadline of every wait, in seconds. What it waits for takes a fraction of it.
PATIENCE_S = 60.0
#: Seconds until a service that does not answer is called again: its server may have been killed.
ASK_AGAIN_S = 10.0
RUN_IN_ENV = Path(__file__).resolve().parents[2] / 'scripts' / 'run_in_env.sh'


def wait_until(
    condition: Callable[[], Any], what: str | Callable[[], str], patience_s: float = PATIENCE_S
) -> Any:
    """Return the first true value of `condition`, looked at again and again."""
    give_up_at = time.monotonic() + patience_s
    while not (found := condition()):
        if time.monotonic() >= give_up_at:
            text = what() if callable(what) else what
            raise AssertionError(f'not within {patience_s:g} s: {text}')
        time.sleep(0.005)
    return found


class Domain:
    """
    A ROS domain that nobody else on this machine uses, until it is closed.

    A socket whose name the kernel frees with this process reserves it against other test runs; a
    port that a first participant would listen at shows whether somebody uses it without asking.
    """

    # Those above are the demo's and people's.
    HIGHEST = 59

    def __init__(self) -> None:
        for number in self._numbers():
            self._name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                self._name.bind(f'\0hotswap_ros test domain {number}')
                self._try_port(7400 + 250 * number + 10)
            except OSError:
                self._name.close()
                continue
            self.number = number
            return
        raise RuntimeError('all ROS domains are in use')

    def close(self) -> None:
        self._name.close()

    def _numbers(self) -> Iterator[int]:
        for index in range(self.HIGHEST):
            yield 1 + (os.getpid() * 7 + index) % self.HIGHEST

    @staticmethod
    def _try_port(port: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(('127.0.0.1', port))


class Heard:
    """The messages of one topic, oldest first."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.messages: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        return iter(self.messages.copy())

    def clear(self) -> None:
        """Forget what was heard: what is waited for from now on is new."""
        self.messages.clear()

    def wait_for(self, condition: Callable[[Any], Any], what: str = 'a message') -> Any:
        """Return the first message, of those not forgotten, that fulfils the condition."""

        def found() -> Any:
            return next((message for message in self if condition(message)), None)

        def missing() -> str:
            return f'{what} on {self.topic}; {len(self.messages)} heard: {self.messages[-1:]}'

        return wait_until(found, missing)


class Goal:
    """An action goal that was accepted."""

    def __init__(self, world: World, handle: Any, feedback: list[Any]) -> None:
        self._world = world
        self._handle = handle
        self._result = handle.get_result_async()
        self.feedback = feedback

    def cancel(self) -> Any:
        """Ask for the goal's end; return the answer."""
        return self._world.result_of(self._handle.cancel_goal_async())

    def result(self) -> Any:
        """Wait for the goal's end and return its result."""
        return self._world.result_of(self._result).result

    @property
    def has_ended(self) -> bool:
        return self._result.done()

    @property
    def status(self) -> int:
        """Wait for the goal's end and return its status, of action_msgs/GoalStatus."""
        return int(self._world.result_of(self._result).status)


class World:
    """A ROS domain of its own with an executor thread, and a node that listens and asks."""

    def __init__(self) -> None:
        self.domain = Domain()
        self.context = Context()
        rclpy.init(
            context=self.context,
            domain_id=self.domain.number,
            signal_handler_options=SignalHandlerOptions.NO,
        )
        self.executor = SingleThreadedExecutor(context=self.context)
        self.node = Node('tester', **self.node_options)
        self.executor.add_node(self.node)
        self._askers: dict[tuple[Any, str], Any] = {}
        self._stopping = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._spin, name='tester', daemon=True)
        self._thread.start()

    @property
    def node_options(self) -> dict[str, Any]:
        """Return what a node of this world is made with."""
        return {
            'context': self.context,
            'use_global_arguments': False,
            'enable_rosout': False,
            'start_parameter_services': False,
        }

    def close(self) -> None:
        """End the thread and everything that is ROS. Raises what a callback raised."""
        self._stopping.set()
        self.executor.wake()
        self._thread.join(PATIENCE_S)
        self.executor.shutdown(timeout_sec=1.0)
        self.node.destroy_node()
        self.context.try_shutdown()
        self.domain.close()
        if self._problem is not None:
            raise self._problem

    def _spin(self) -> None:
        try:
            while not self._stopping.is_set():
                self.executor.spin_once(timeout_sec=0.2)
        except BaseException as problem:
            self._problem = problem

    def do(self, job: Callable[[], Any]) -> Any:
        """Run a job in the executor thread, between two callbacks; return what it returns."""
        outcome: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

        def work() -> None:
            try:
                outcome.put((job(), None))
            except BaseException as error:
                outcome.put((None, error))

        self.executor.create_task(work)
        wait_until(lambda: not outcome.empty() or self._problem, 'a turn of the executor')
        if self._problem is not None:
            raise self._problem
        value, error = outcome.get()
        if error is not None:
            raise error
        return value

    def add(self, maker: Callable[[], Node]) -> Any:
        """Make a node and spin it."""

        def work() -> Node:
            node = maker()
            self.executor.add_node(node)
            return node

        return self.do(work)

    def remove(self, node: Any) -> None:
        """Stop a node, if it knows how to, and destroy it."""

        def work() -> None:
            self.executor.remove_node(node)
            getattr(node, 'stop', lambda: None)()
            node.destroy_node()

        self.do(work)

    def listen(self, kind: Any, topic: str, profile: Any) -> Heard:
        """Collect the messages of a topic from now on."""
        heard = Heard(topic)
        self.do(lambda: self.node.create_subscription(kind, topic, heard.messages.append, profile))
        return heard

    def publisher(self, kind: Any, topic: str, profile: Any, listeners: int = 1) -> Any:
        """Return a publisher that so many subscriptions listen to."""
        publisher = self.do(lambda: self.node.create_publisher(kind, topic, profile))
        wait_until(
            lambda: publisher.get_subscription_count() >= listeners, f'a listener on {topic}'
        )
        return publisher

    def ask(self, kind: Any, name: str, *, again_s: float = ASK_AGAIN_S, **fields: Any) -> Any:
        """Call a service and return its answer."""
        asker = self._asker(kind, name, lambda: self.node.create_client(kind, name))
        wait_until(asker.service_is_ready, f'service {name}')
        give_up_at = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_at:
            future = self.do(lambda: asker.call_async(kind.Request(**fields)))
            try:
                return self.result_of(future, again_s)
            except AssertionError:
                self.do(lambda f=future: asker.remove_pending_request(f))
        raise AssertionError(f'service {name} did not answer within {PATIENCE_S:g} s')

    def begin(self, kind: Any, name: str, **fields: Any) -> Any:
        """Call a service and return the future of its answer, for `result_of`."""
        asker = self._asker(kind, name, lambda: self.node.create_client(kind, name))
        wait_until(asker.service_is_ready, f'service {name}')
        return self.do(lambda: asker.call_async(kind.Request(**fields)))

    def send(self, kind: Any, name: str, **fields: Any) -> Goal:
        """Send a goal to an action server and return it when it is accepted."""
        asker = self._asker(kind, name, lambda: ActionClient(self.node, kind, name))
        wait_until(asker.server_is_ready, f'action {name}')
        feedback: list[Any] = []
        future = self.do(
            lambda: asker.send_goal_async(
                kind.Goal(**fields), lambda message: feedback.append(message.feedback)
            )
        )
        handle = self.result_of(future)
        assert handle.accepted
        return self.do(lambda: Goal(self, handle, feedback))

    def result_of(self, future: Any, patience_s: float = PATIENCE_S) -> Any:
        """Wait for a future of this world's executor."""
        wait_until(lambda: future.done() or self._problem, 'an answer', patience_s)
        if self._problem is not None:
            raise self._problem
        return future.result()

    def _asker(self, kind: Any, name: str, maker: Callable[[], Any]) -> Any:
        if (kind, name) not in self._askers:
            self._askers[kind, name] = self.do(maker)
        return self._askers[kind, name]


class Program:
    """An executable of the package, run as its users run it, with its output in a file."""

    def __init__(
        self,
        name: str,
        folder: Path,
        domain: Domain,
        ros_arguments: Sequence[str | Path] = (),
        distribution: str = '',
        **parameters: Any,
    ) -> None:
        """Start it; `distribution`: the one of `scripts/run_in_env.sh`, not that of this test."""
        self.name = name
        self.path = folder / f'{name}-{time.monotonic_ns()}.log'
        command = [Path(get_package_prefix('hotswap_ros'), 'lib', 'hotswap_ros', name)]
        if distribution:
            command = [RUN_IN_ENV, '--distro', distribution, name]
        # What is JSON is YAML too, and in quotes where ROS would guess another type.
        values = [f'{key}:={json.dumps(value)}' for key, value in parameters.items()]
        arguments = [part for value in values for part in ('-p', value)]
        with self.path.open('wb') as log:
            self._process = subprocess.Popen(
                [*command, '--ros-args', *ros_arguments, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, 'ROS_DOMAIN_ID': str(domain.number)},
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    @property
    def log(self) -> str:
        """Return everything that the program put out so far, without colours."""
        return re.sub(r'\x1b\[[0-9;]*m', '', self.path.read_text(errors='replace'))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_for_log(self, text: str) -> None:
        """Wait until the program has said something."""
        wait_until(
            lambda: text in self.log or not self.is_running, lambda: f'{text!r} in {self.log}'
        )
        assert text in self.log

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, patience_s: float = PATIENCE_S) -> int:
        """Wait for the program's end and return its exit code."""
        wait_until(lambda: not self.is_running, lambda: f'end of {self.name}: {self.log}')
        return self._process.returncode

    def kill(self) -> None:
        """End the program as a power cut would."""
        self.send(signal.SIGKILL)
        self.wait()

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop the program as its users do, and see that it ends well."""
        self.send(number)
        try:
            code = self.wait()
        finally:
            self._process.kill()
        assert code == 0, self.log
        assert 'Traceback' not in self.log, self.log
        assert 'never retrieved' not in self.log, self.log


_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Site:
    """
    A simulated fleet and its coordinator, as real processes, and somebody who watches and asks.

    `robots` has the newest status of every robot.
    """

    COORDINATOR = '/fleet_coordinator'

    def __init__(self, folder: Path, repository: Path) -> None:
        self.folder = folder
        self.repository = repository
        self.world = World()
        self.robots: dict[str, Any] = {}
        self.programs: list[Program] = []
        self.alerts = self.world.listen(msg.Alert, f'{self.COORDINATOR}/alerts', qos.EVENT)
        self.statuses = self.world.listen(
            msg.RolloutStatus, f'{self.COORDINATOR}/rollout_status', qos.STATE
        )
        self.world.do(
            lambda: self.world.node.create_subscription(
                msg.RobotStatus, '/fleet/status', self._on_status, qos.EVENT
            )
        )

    def _on_status(self, status: Any) -> None:
        self.robots[status.robot_id] = status

    def close(self) -> None:
        """Stop what still runs, and see that it ends well."""
        try:
            for program in reversed(self.programs):
                if program.is_running:
                    program.stop()
        finally:
            self.world.close()

    def run(self, name: str, **parameters: Any) -> Program:
        """Start an executable of the package, with the options of `Program` and parameters."""
        program = Program(name, self.folder, self.world.domain, **parameters)
        self.programs.append(program)
        return program

    def run_fleet(self, robots: int, **parameters: Any) -> Program:
        """Start simulated robots, as `run` does, and wait until all of them work."""
        program = self.run(
            'sim_fleet', robots=robots, model_repository=str(self.repository), **parameters
        )
        wait_until(
            lambda: len(self.robots) == robots and self.is_well(),
            lambda: f'{robots} robots at work: {program.log}',
        )
        return program

    def run_coordinator(self, journal: Path, **parameters: Any) -> Program:
        """Start a coordinator and wait until it answers and has heard every robot."""
        program = self.run('fleet_coordinator', journal=str(journal), **parameters)
        wait_until(self._coordinator_knows_the_fleet, lambda: f'a coordinator: {program.log}')
        return program

    def _coordinator_knows_the_fleet(self) -> bool:
        if not self.robots:
            return True
        model = next(iter(self.robots.values())).model_id
        text = plan('no_such_version', stages=[(100, 1)], modelId=model)
        answer = self.ask(srv.ValidatePlan, 'validate_plan', again_s=1.0, plan=text)
        titles = [step.title for step in answer.steps]
        count = len(self.robots)
        robots = '1 robot' if count == 1 else f'{count} robots'
        return bool(titles) and titles[0].endswith(f'on {robots}')

    def ask(self, kind: Any, name: str, **fields: Any) -> Any:
        """Call a service of the coordinator."""
        return self.world.ask(kind, f'{self.COORDINATOR}/{name}', **fields)

    def roll_out(self, text: str) -> Goal:
        """Send a plan."""
        return self.world.send(action.Rollout, f'{self.COORDINATOR}/rollout', plan=text)

    def roll_back(self, **fields: Any) -> Any:
        """Order a rollback, wait for its end and return its result."""
        return self.world.send(action.Rollback, f'{self.COORDINATOR}/rollback', **fields).result()

    def is_well(self) -> bool:
        ok = msg.RobotStatus.HEALTH_OK
        return all(robot.health == ok for robot in self.robots.values())

    def serves(self, version: str) -> bool:
        """Return whether every robot reports that it serves a version and nothing beside it."""
        return bool(self.robots) and all(
            (robot.routing.stable, robot.routing.candidate) == (version, '')
            for robot in self.robots.values()
        )

    def wait_until_served(self, version: str) -> None:
        """Wait until every robot reports that it serves a version and nothing beside it."""
        wait_until(
            lambda: self.serves(version),
            lambda: f'{version} everywhere: {[r.routing for r in self.robots.values()]}',
        )

    def put_back(self, version: str) -> None:
        """Bring every robot to a version, and forget what was heard until then."""
        if not self.serves(version):
            answer = self.roll_back(model_id='pick_policy', version=version)
            assert answer.error_code == answer.NONE, answer.error_msg
            self.wait_until_served(version)
        self.alerts.clear()
        self.statuses.clear()

    def wait_for_candidate(self, version: str) -> str:
        """Wait until a robot reports a candidate and return the robot's name."""

        def found() -> str:
            robots = self.robots.copy().values()
            return next((r.robot_id for r in robots if r.routing.candidate == version), '')

        return str(wait_until(found, f'{version} as candidate'))


def plan(
    version: str = 'v24',
    stages: Sequence[tuple[float, int]] = ((50, 60), (100, 60)),
    criteria: dict[str, Any] | None = None,
    **fields: Any,
) -> str:
    """
    Return a canary plan as text; a stage is (percentage, tasks).

    An equal candidate would be rolled back by chance in one of a thousand rollouts (`alpha`), v24,
    which is better than v23, more rarely still. 60 candidate tasks at a share of one half bring
    about as many control tasks, three times what a verdict needs.
    """
    return json.dumps(
        {
            'modelId': 'pick_policy',
            'version': version,
            'strategy': 'Canary',
            'stages': [{'percentage': p, 'tasks': n} for p, n in stages],
            'successCriteria': {'alpha': 0.001, 'maxStuckPerRobot': 1000, **(criteria or {})},
            **fields,
        }
    )
