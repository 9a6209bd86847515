# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The network of one robot, on a clock of the test."""

import heapq
import itertools

import pytest

from hotswap_ros.sim.faults.network_link import FORGET_S, Link


class Clock:
    """Time, and what happens at it."""

    def __init__(self):
        self.now = 0.0
        self._jobs = []
        self._count = itertools.count()

    def __call__(self):
        return self.now

    def after(self, delay_s, job):
        heapq.heappush(self._jobs, (self.now + delay_s, next(self._count), job))

    def pass_to(self, time):
        while self._jobs and self._jobs[0][0] <= time:
            self.now, _, job = heapq.heappop(self._jobs)
            job()
        self.now = time


class Sender:
    """Somebody who sends numbers; `arrived` has when each arrived."""

    def __init__(self, link, clock, keep):
        self.way = link.way(keep)
        self.clock = clock
        self.arrived = []

    def send(self, number):
        self.way.carry(lambda: self.arrived.append((number, self.clock.now)))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def link(clock):
    return Link(clock.after, clock)


def test_an_open_link_delivers_at_once(link, clock):
    sender = Sender(link, clock, keep=0)
    assert link.is_clear
    sender.send(1)
    assert sender.arrived == [(1, 0.0)]


def test_a_slow_link_delivers_later_and_in_order(link, clock):
    sender = Sender(link, clock, keep=0)
    link.set(cut=False, delay_s=2.0)
    assert not link.is_clear
    sender.send(1)
    clock.pass_to(1.0)
    link.set(cut=False, delay_s=0.5)
    sender.send(2)
    assert sender.arrived == []
    clock.pass_to(5.0)
    assert sender.arrived == [(1, 2.0), (2, 2.0)]


def test_a_cut_link_loses_streams_and_keeps_the_newest_of_what_is_reliable(link, clock):
    stream, events = Sender(link, clock, keep=0), Sender(link, clock, keep=2)
    link.set(cut=True, delay_s=0.0)
    for number in (1, 2, 3):
        stream.send(number)
        events.send(number)
    clock.pass_to(FORGET_S - 1)
    assert stream.arrived == events.arrived == []
    link.set(cut=False, delay_s=0.0)
    clock.pass_to(FORGET_S)
    assert stream.arrived == []
    assert [number for number, _ in events.arrived] == [2, 3]


def test_who_was_cut_off_for_long_is_forgotten_and_gets_nothing(link, clock):
    events = Sender(link, clock, keep=2)
    link.set(cut=True, delay_s=0.0)
    events.send(1)
    clock.pass_to(FORGET_S)
    link.set(cut=False, delay_s=0.0)
    clock.pass_to(FORGET_S + 1)
    events.send(2)
    assert [number for number, _ in events.arrived] == [2]


def test_what_is_under_way_when_the_link_is_cut_does_not_arrive(link, clock):
    stream, events = Sender(link, clock, keep=0), Sender(link, clock, keep=5)
    link.set(cut=False, delay_s=2.0)
    stream.send(1)
    events.send(1)
    link.set(cut=True, delay_s=0.0)
    clock.pass_to(5.0)
    assert stream.arrived == events.arrived == []
    link.set(cut=False, delay_s=0.0)
    clock.pass_to(6.0)
    assert (stream.arrived, events.arrived) == ([], [(1, 5.0)])
