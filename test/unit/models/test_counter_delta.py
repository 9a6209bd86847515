# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The deltas of counters sum up to what robots did, as far as messages can tell."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotswap_ros.models.counter_delta import (
    Boot,
    CounterTracker,
    Vector,
    add_counts,
    rise,
)

NAMES = ('grasp', 'place')


class Message(NamedTuple):
    """A snapshot of one robot; `order` is when it was sent."""

    order: int
    boot: str
    counts: dict[str, Vector]


@st.composite
def lives(draw: st.DrawFn) -> list[Message]:
    """Return the messages of a robot in the order of sending: counts grow, reboots reset them."""
    sent: list[Message] = []
    for boot in range(draw(st.integers(1, 4))):
        counts: dict[str, Vector] = {}
        for _ in range(draw(st.integers(1, 6))):
            for name in draw(st.sets(st.sampled_from(NAMES))):
                begun, ended = counts.get(name, (0, 0))
                counts[name] = (begun + draw(st.integers(0, 5)), ended + draw(st.integers(0, 5)))
            sent.append(Message(len(sent), f'boot {boot}', dict(counts)))
    return sent


@st.composite
def arrivals(draw: st.DrawFn) -> list[Message]:
    """Return the messages that arrive: the first one first, others lost, repeated and late."""
    first, *rest = draw(lives())
    arrived = draw(st.permutations(rest + rest)) if rest else []
    return [first, *arrived[: draw(st.integers(0, len(arrived)))]]


def total(tracker: CounterTracker[Vector], messages: list[Message]) -> dict[str, Vector]:
    """Return the sum of the deltas, none of which may be negative."""
    found: dict[str, Vector] = {}
    for message in messages:
        delta = tracker.advance('r1', message.boot, message.counts)
        if delta is not None:
            assert all(number >= 0 for new in delta.counts.values() for number in new)
            add_counts(found, delta.counts)
    return {name: counts for name, counts in found.items() if any(counts)}


def known(messages: list[Message]) -> dict[str, Vector]:
    """Return what messages can tell: the latest snapshot of each boot, less the reference."""
    latest: dict[str, Message] = {}
    for message in messages:
        latest[message.boot] = max(latest.get(message.boot, message), message)
    found: dict[str, Vector] = {}
    for message in latest.values():
        add_counts(found, message.counts)
    for name, counts in messages[0].counts.items():
        found[name] = tuple(a - b for a, b in zip(found[name], counts))
    return {name: counts for name, counts in found.items() if any(counts)}


@given(arrivals())
def test_deltas_sum_up_to_what_messages_tell(messages: list[Message]) -> None:
    """Nothing is counted twice, and nothing is lost but what a boot did after its last message."""
    tracker = CounterTracker(rise)
    assert total(tracker, messages) == known(messages)
    assert tracker.is_least('r1') == (len({message.boot for message in messages}) > 1)


@given(lives())
def test_without_loss_nothing_is_missing(messages: list[Message]) -> None:
    assert total(CounterTracker(rise), messages) == known(messages)


@given(lives(), st.data())
def test_a_lost_message_loses_nothing_within_a_boot(
    messages: list[Message], data: st.DataObject
) -> None:
    ends = [m for m, after in pairwise(messages) if m.boot != after.boot]
    keep = {0, len(messages) - 1, *(m.order for m in ends)}
    keep |= data.draw(st.sets(st.sampled_from(range(len(messages)))))
    heard = [message for message in messages if message.order in keep]
    assert total(CounterTracker(rise), heard) == total(CounterTracker(rise), messages)


@given(arrivals(), st.data())
def test_a_restart_in_the_middle_changes_nothing(
    messages: list[Message], data: st.DataObject
) -> None:
    restart = data.draw(st.integers(0, len(messages)))
    straight = CounterTracker(rise)
    total(straight, messages[:restart])
    restarted: CounterTracker[Vector] = CounterTracker(rise)
    written = straight.dump(list)
    assert json.loads(json.dumps(written)) == written
    restarted.load(written, tuple)
    assert restarted.dump(list) == written
    for message in messages[restart:]:
        found = restarted.advance('r1', message.boot, message.counts)
        assert found == straight.advance('r1', message.boot, message.counts)


@given(arrivals(), st.data())
def test_open_work_is_lost_with_each_boot_and_found_with_late_messages(
    messages: list[Message], data: st.DataObject
) -> None:
    """Lost is what is open in the last snapshots of all boots but the newest, never more."""
    tracker, lost, has_left = CounterTracker(rise), 0, False
    boots: dict[str, int] = {}
    for message in messages:
        if 'r1' in tracker and data.draw(st.integers(0, 4)) == 0:
            lost += open_work(tracker.leave('r1'))
            has_left = True
        delta = tracker.advance('r1', message.boot, message.counts)
        if delta is not None:
            lost += open_work(delta.lost) - open_work(delta.found)
            boots.setdefault(message.boot, 0)
            has_left &= message.boot != [*boots][-1]
    newest = [*boots][-1]
    others = [boot for boot in boots if boot != newest or has_left]
    assert lost == sum(open_work(tracker.last_of('r1', boot)) for boot in others)


def open_work(counts: object) -> int:
    """Return what has begun and not ended."""
    found = counts if isinstance(counts, dict) else {}
    return sum(begun - ended for begun, ended in found.values())


@pytest.fixture
def tracker() -> CounterTracker[Vector]:
    return CounterTracker(rise)


def test_the_first_snapshot_is_the_reference(tracker: CounterTracker[Vector]) -> None:
    delta = tracker.advance('r1', 'a', {'grasp': (500, 400)})
    assert delta is not None
    assert delta.counts == {}
    assert not tracker.is_least('r1')


def test_robots_are_kept_apart(tracker: CounterTracker[Vector]) -> None:
    for robot_id in ('r1', 'r2'):
        tracker.advance(robot_id, 'a', {'grasp': (1,)})
    delta = tracker.advance('r2', 'a', {'grasp': (4,)})
    assert delta is not None
    assert delta.counts == {'grasp': (3,)}
    assert tracker.latest('r1') == {'grasp': (1,)}


def test_a_late_message_of_an_earlier_boot_is_no_reboot(tracker: CounterTracker[Vector]) -> None:
    tracker.advance('r1', 'a', {'grasp': (5,)})
    after_reboot = tracker.advance('r1', 'b', {'grasp': (2,)})
    late = tracker.advance('r1', 'a', {'grasp': (7,)})
    newer = tracker.advance('r1', 'b', {'grasp': (3,)})
    deltas = [after_reboot, late, newer]
    assert [d and d.boot for d in deltas] == [Boot.NEW, Boot.EARLIER, Boot.SAME]
    assert [d and d.counts['grasp'] for d in deltas] == [(2,), (2,), (1,)]


@pytest.mark.parametrize('refers', [False, True])
def test_a_name_that_appears_in_mid_boot_counts_from_zero_or_is_a_reference(refers: bool) -> None:
    tracker = CounterTracker(rise, refers_new_names=refers)
    tracker.advance('r1', 'a', {'grasp': (5,)})
    first = tracker.advance('r1', 'a', {'grasp': (5,), 'place': (3,)})
    assert first is not None
    assert first.counts.get('place') == (None if refers else (3,))
    then = tracker.advance('r1', 'a', {'grasp': (5,), 'place': (4,)})
    assert then is not None
    assert then.counts['place'] == (1,)
    reboot = tracker.advance('r1', 'b', {'place': (2,)})
    assert reboot is not None
    assert reboot.counts == {'place': (2,)}


def test_a_name_that_is_missing_has_nothing_new(tracker: CounterTracker[Vector]) -> None:
    tracker.advance('r1', 'a', {'grasp': (5,), 'place': (3,)})
    tracker.advance('r1', 'a', {'grasp': (6,)})
    delta = tracker.advance('r1', 'a', {'grasp': (6,), 'place': (4,)})
    assert delta is not None
    assert delta.counts == {'grasp': (0,), 'place': (1,)}


def test_a_name_that_takes_the_place_of_another_does_not_erase_it(
    tracker: CounterTracker[Vector],
) -> None:
    tracker.advance('r1', 'a', {'grasp': (5,)})
    tracker.advance('r1', 'a', {'place': (3,)})
    delta = tracker.advance('r1', 'a', {'grasp': (6,), 'place': (3,)})
    assert delta is not None
    assert delta.counts == {'grasp': (1,), 'place': (0,)}


def test_a_robot_that_reboots_for_ever_does_not_fill_the_memory(
    tracker: CounterTracker[Vector],
) -> None:
    sizes = []
    for number in range(100):
        tracker.advance('r1', f'boot {number:03d}', {'grasp': (1,)})
        sizes.append(len(json.dumps(tracker.dump(list))))
    assert len(set(sizes[20:])) == 1
    assert tracker.is_least('r1')
