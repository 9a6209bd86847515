# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The player of chunks: which step of which decision is the command."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hotswap_ros.models import Chunk, TensorSpec
from hotswap_ros.policies import ChunkPlayer
from hotswap_ros.serving import Decision

ARM = TensorSpec(name='arm', shape=(1, 8, 2))


def chunk(
    values: Any, *, version: str = 'v1', execute: int = 4, blend: int = 0, **fields: Any
) -> Decision:
    """Return a decision whose steps have these values, in both elements."""
    steps = np.repeat(np.asarray(values, np.float32), 2).reshape(1, -1, 2)
    how = Chunk(step_s=0.02, execute=execute, blend=blend, **fields)
    return Decision({'arm': steps}, version, False, None, 1.0, chunk=how)


def played(player: ChunkPlayer, steps: int) -> list[Any]:
    """Return the next commands: the value of the first element, None where there is none."""
    commands = [player.next_command() for _ in range(steps)]
    return [None if command is None else command['arm'][0, 0].item() for command in commands]


def begun(outputs: Any = ARM) -> ChunkPlayer:
    player = ChunkPlayer([outputs])
    player.begin_task()
    return player


def give(player: ChunkPlayer, decision: Decision) -> None:
    assert player.take(player.ask(), decision)


def test_committed_steps_are_played_before_the_next_decision_is_asked_for() -> None:
    player = begun()
    assert player.wants_decision
    give(player, chunk(range(8)))
    assert not player.wants_decision
    assert played(player, 3) == [0, 1, 2]
    assert not player.wants_decision
    assert played(player, 1) == [3]
    assert player.wants_decision
    give(player, chunk(range(100, 108)))
    assert played(player, 2) == [100, 101]


def test_steps_that_were_played_meanwhile_are_left_out() -> None:
    player = begun()
    give(player, chunk(range(8)))
    played(player, 4)
    ticket = player.ask()
    assert played(player, 2) == [4, 5], 'the rest of the old chunk is played on'
    assert player.take(ticket, chunk(range(100, 108)))
    assert played(player, 2) == [102, 103]


def test_the_next_answer_is_asked_for_as_early_as_the_last_ones_took() -> None:
    player = begun()
    ticket = player.ask()
    played(player, 5)  # while the runtime warms up, which tells nothing
    player.take(ticket, chunk(range(8)))
    assert player.delay_steps == 0
    played(player, 4)
    ticket = player.ask()
    played(player, 2)
    player.take(ticket, chunk(range(8)))
    assert player.delay_steps == 2
    # Two of four committed steps were played meanwhile.
    assert player.wants_decision


def test_a_queue_that_runs_dry_is_counted() -> None:
    player = begun()
    assert played(player, 2) == [None, None]
    assert player.starved == 0, 'the task has not begun to move'
    give(player, chunk(range(8)))
    assert played(player, 10)[7:] == [7, None, None]
    assert player.starved == 2
    ticket = player.ask()
    played(player, 1)
    player.take(ticket, chunk(range(8)))
    assert played(player, 1) == [0], 'nothing was played meanwhile'
    player.begin_task()
    assert player.starved == 0


def test_the_rest_of_a_chunk_ends_with_its_task() -> None:
    player = begun()
    give(player, chunk(range(8)))
    played(player, 4)
    late = player.ask()
    player.begin_task()
    assert not player.take(late, chunk(range(50, 58)))
    assert played(player, 1) == [None]
    assert player.wants_decision


def test_a_request_without_an_answer_is_asked_again() -> None:
    player = begun()
    ticket = player.ask()
    assert not player.wants_decision
    player.fail(ticket)
    assert player.wants_decision


def test_chunks_of_one_version_blend_but_not_discrete_elements() -> None:
    player = begun()
    give(player, chunk([0] * 8))
    played(player, 4)
    give(player, chunk([40] * 8, blend=3, discrete=('arm[1]',)))
    commands = [player.next_command()['arm'][0] for _ in range(4)]
    np.testing.assert_allclose(commands, [[10, 40], [20, 40], [30, 40], [40, 40]])


def test_chunks_of_two_versions_never_mix() -> None:
    player = begun()
    give(player, chunk([0] * 8))
    played(player, 4)
    give(player, chunk([40] * 8, blend=3, version='v2'))
    assert played(player, 2) == [40, 40]


def test_a_decision_without_a_chunk_is_one_step() -> None:
    player = begun(TensorSpec(name='arm', shape=(1, 2)))
    for value in (1, 2):
        assert player.wants_decision
        outputs = {'arm': np.full((1, 2), value, np.float32)}
        give(player, Decision(outputs, 'v1', False, None, 1.0))
        assert played(player, 1) == [value]


def test_the_robot_may_write_to_its_command() -> None:
    player = begun()
    decision = chunk(range(8))
    give(player, decision)
    command = player.next_command()
    assert command is not None
    command['arm'][:] = 99
    assert decision.outputs['arm'][0, 0, 0] == 0


values = st.lists(st.floats(-5, 5, width=32), min_size=8, max_size=8)
events = st.lists(
    st.tuples(
        st.sampled_from(['step', 'decide', 'other version', 'next task', 'ask', 'answer']),
        values,
        st.integers(0, 4),
    ),
    max_size=40,
)


@given(events)
@settings(max_examples=200)
def test_no_command_changes_by_more_than_the_rate_limit(story: list[Any]) -> None:
    limit = np.array([0.5, 2.0])
    player = begun(TensorSpec(name='arm', shape=(1, 8, 2), rate_limit=tuple(limit)))
    last, ticket = None, 0
    for event, numbers, blend in story:
        if event == 'next task':
            player.begin_task()
        elif event == 'ask':
            ticket = player.ask()
        elif event == 'answer':
            player.take(ticket, chunk(numbers, blend=blend))
        elif event != 'step':
            give(player, chunk(numbers, blend=blend, version=event))
        command = player.next_command()
        if command is None:
            continue
        now = command['arm'][0].astype(np.float64)
        if last is not None:
            rounding = np.finfo(np.float32).eps * (1 + np.abs(last))
            assert (np.abs(now - last) <= limit + rounding).all()
        last = now
