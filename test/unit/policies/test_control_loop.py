# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The control loop: observations in, commands out, and what a robot is told without a decision."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from _arm import ARM, joints, manifest, picture

from hotswap_ros.models import Chunk
from hotswap_ros.policies import (
    Answer,
    Contract,
    ControlLoop,
    MissingError,
    Request,
    Sources,
    problems_of,
)
from hotswap_ros.serving import Decision


class Decider:
    """Decides at once, or only when it is told to."""

    def __init__(self, decide: Callable[[Request], Decision]) -> None:
        self.decide = decide
        self.requests: list[Request] = []
        self.inputs = ['state']
        self.is_slow = False
        self.problem = ''
        self._waiting: list[Request] = []

    def submit(self, request: Request) -> None:
        self.requests.append(request)
        self._waiting.append(request)

    def answers(self, patience_s: float) -> Sequence[Answer]:
        if self.is_slow:
            return []
        waiting, self._waiting = self._waiting, []
        if self.problem:
            return [Answer(each.ticket, None, self.problem) for each in waiting]
        return [Answer(each.ticket, self.decide(each)) for each in waiting]


def double(request: Request) -> Decision:
    """Decide on twice the state."""
    return Decision({'action': 2 * request.observation['state']}, 'v1', False, None, 1.0)


def contract_with(make_contract: Any, **term: Any) -> Contract:
    decision = {**ARM['decisions']['action'], **term}
    contract: Contract = make_contract(decisions={'action': decision})
    return contract


class Robot:
    """A loop with its topics."""

    def __init__(self, contract: Contract, **fields: Any) -> None:
        self.sources, self.decider = Sources(contract), Decider(double)
        self.loop = ControlLoop(contract, manifest(**fields), self.sources, self.decider)
        self.now = 100.0
        self.loop.begin('task', 'near', self.now)

    def see(self, lift: float, turn: float = 0.0) -> None:
        message = joints(['lift', 'turn'], [lift, turn])
        self.sources.put('state', message, self.now, None)

    def step(self) -> Any:
        self.now += 0.02
        return self.loop.step(self.now)

    def command(self) -> Any:
        commands = self.step().commands
        return commands['action'][0, 0].item() if commands else None


@pytest.fixture
def robot(make_contract: Any) -> Robot:
    return Robot(make_contract())


def test_each_observation_becomes_a_command(robot: Robot) -> None:
    for lift in (1.0, 2.0, 3.0):
        robot.see(lift)
        assert robot.command() == 2 * lift
    request = robot.decider.requests[-1]
    assert (request.task_id, request.category, list(request.observation)) == (
        'task',
        'near',
        ['state'],  # the version takes no image
    )


def test_a_candidate_gets_the_camera_that_stable_does_not_take(robot: Robot) -> None:
    robot.decider.inputs = ['state', 'image', 'lidar']
    robot.see(1.0)
    assert robot.command() == 2.0, 'stable needs no image, and decides without'
    pixels = np.zeros((2, 3, 3), np.uint8)
    robot.sources.put('image', picture(pixels), robot.now, None)
    robot.see(2.0)
    assert robot.command() == 4.0
    assert list(robot.decider.requests[-1].observation) == ['state', 'image']


def test_without_an_observation_the_robot_holds_and_then_the_task_ends(robot: Robot) -> None:
    first = robot.step()
    assert (first.commands, 'joint_states' in first.problem) == ({}, True)
    robot.see(1.0)
    assert robot.command() == 2.0
    robot.now += 1.0
    late = robot.step()
    assert 'max_age_s' in late.problem
    assert late.commands['action'][0, 0] == 2.0
    assert not robot.loop.aborted
    robot.now += 2.0
    robot.step()
    assert 'max_age_s' in robot.loop.aborted


@pytest.mark.parametrize(('stop', 'expected'), [('none', None), ('hold', 4.0), ('safe', -1.0)])
def test_what_a_robot_is_told_while_decisions_are_late(
    make_contract: Any, stop: str, expected: float | None
) -> None:
    robot = Robot(contract_with(make_contract, stop=stop), safe_decision={'action': -1.0})
    robot.see(2.0)
    assert robot.command() == 4.0
    robot.decider.is_slow = True
    assert robot.command() == expected
    assert robot.loop.starved == 1
    robot.decider.is_slow = False
    assert robot.command() == 4.0


def test_a_stop_keeps_to_the_rate_limits(make_contract: Any) -> None:
    outputs = [{'name': 'action', 'shape': [1, 2], 'rate_limit': 1.0}]
    contract = contract_with(make_contract, stop='safe')
    robot = Robot(contract, outputs=outputs, safe_decision={'action': 0.0})
    robot.see(2.0)
    assert robot.command() == 4.0
    robot.decider.is_slow = True
    assert [robot.command() for _ in range(5)] == [3, 2, 1, 0, 0]


def test_a_request_that_fails_is_told_and_asked_again(robot: Robot) -> None:
    robot.see(1.0)
    robot.decider.problem = 'not serving'
    assert robot.step().problem == 'not serving'
    robot.decider.problem = ''
    assert robot.command() == 2.0


def test_an_answer_of_an_earlier_task_is_not_played(robot: Robot) -> None:
    robot.see(1.0)
    robot.decider.is_slow = True
    robot.step()
    robot.loop.begin('next', '', robot.now)
    robot.decider.is_slow = False
    robot.see(5.0)
    assert robot.command() == 10.0
    assert robot.decider.requests[-1].task_id == 'next'


def test_a_chunk_is_played_while_the_next_one_is_decided(make_contract: Any) -> None:
    chunk = {'step_s': 0.02, 'execute': 3}
    outputs = [{'name': 'action', 'shape': [1, 6, 2]}]
    robot = Robot(make_contract(), outputs=outputs, chunk=chunk)
    how = Chunk(**chunk)

    def decide(request: Request) -> Decision:
        steps = request.observation['state'][:, None] + np.arange(6, dtype=np.float32)[:, None]
        return Decision({'action': steps}, 'v1', False, None, 1.0, chunk=how)

    robot.decider.decide = decide
    robot.see(0.0)
    assert [robot.command() for _ in range(3)] == [0, 1, 2]
    robot.see(3.0)
    robot.decider.is_slow = True
    assert [robot.command() for _ in range(2)] == [3, 4]
    robot.decider.is_slow = False
    assert robot.command() == 5, 'two steps of the new chunk are over'
    assert robot.loop.starved == 0


def test_what_does_not_fit_is_told_before_a_task(make_contract: Any) -> None:
    contract = contract_with(make_contract, stop='safe')
    assert 'safe_decision' in problems_of(contract, manifest())[0]
    assert not problems_of(contract, manifest(safe_decision={'action': 0.0}))
    slow = manifest(
        outputs=[{'name': 'action', 'shape': [1, 6, 2]}],
        chunk={'step_s': 0.1, 'execute': 3},
        safe_decision={'action': 0.0},
    )
    assert 'rate_hz' in problems_of(contract, slow)[0]


def stamped(value: float) -> Any:
    return SimpleNamespace(data=[value])


@pytest.fixture
def aligned(make_contract: Any) -> Callable[..., Sources]:
    def make(align: str, tolerance_s: float = 0.05) -> Sources:
        term = {
            'type': 'std_msgs/msg/Float32MultiArray',
            'align': align,
            'tolerance_s': tolerance_s,
            'max_age_s': 10.0,
        }
        names = ('left', 'right')
        return Sources(make_contract(observations={n: {**term, 'topic': n} for n in names}))

    return make


def values(sources: Sources, now_s: float = 1.0) -> list[float]:
    found = sources.observation(now_s, ('left', 'right'))
    return [found[name][0, 0].item() for name in ('left', 'right')]


def test_messages_of_one_time_are_taken_together(aligned: Any) -> None:
    sources = aligned('as_of')
    for index in range(5):
        sources.put('left', stamped(index), 1.0, 10.0 + 0.1 * index)
    sources.put('right', stamped(100), 1.0, 10.21)
    assert values(sources) == [2, 100]
    sources.put('right', stamped(101), 1.0, 10.36)
    with pytest.raises(MissingError, match='tolerance_s'):
        values(sources)


def test_a_message_without_a_stamp_cannot_be_aligned(aligned: Any) -> None:
    sources = aligned('as_of')
    sources.put('left', stamped(1), 1.0, None)
    sources.put('right', stamped(1), 1.0, 10.0)
    with pytest.raises(MissingError, match='stamp'):
        values(sources)


def test_a_message_is_used_once_where_that_is_asked_for(aligned: Any) -> None:
    sources = aligned('drop')
    for name in ('left', 'right'):
        sources.put(name, stamped(1), 1.0, None)
    assert values(sources) == [1, 1]
    sources.put('left', stamped(2), 1.0, None)
    with pytest.raises(MissingError, match='right'):
        values(sources)
