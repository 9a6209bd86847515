# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Messages of robots before they are read: the newest of each sender, and not more."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable
from typing import NamedTuple

from hotswap_ros.limits import FORGET_AFTER_S, KINDS_OF_A_SENDER, QUIET_S


class Sender(NamedTuple):
    """Who sent a message: the robot_id and what else tells it from others, as they came."""

    robot_id: bytes
    server: bytes


class Taken(NamedTuple):
    """The messages that are due, the senders to forget, and how many messages were refused."""

    #: Each with whether it is a status.
    messages: list[tuple[bool, bytes]]
    forgotten: list[Sender]
    refused: int
    #: Some of those who were refused.
    examples: tuple[bytes, ...]


class Intake:
    """
    The newest message of each sender, and of each kind, until it is taken. Threads may share it.

    However fast messages come, only the newest of a sender waits. At most `most` senders are
    known. When they are, a new one takes the place of one that was not heard for `QUIET_S`, or
    else is refused; one of the `trusted` robots takes any other's. Who was not heard for
    `FORGET_AFTER_S` is forgotten. `now` is in seconds and never decreases.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        #: In the order in which they were last heard.
        self._senders: OrderedDict[Sender, float] = OrderedDict()
        self._robots: dict[bytes, int] = {}
        #: Those of trusted robots, and of strangers.
        self._first: OrderedDict[Hashable, bytes] = OrderedDict()
        self._then: OrderedDict[Hashable, bytes] = OrderedDict()
        self._forgotten: list[Sender] = []
        self._trusted: Collection[bytes] = frozenset()
        self._refused = 0
        self._examples: set[bytes] = set()

    def trust(self, robots: Iterable[bytes]) -> None:
        """Take the robots that always have a place: those that were ever commanded."""
        self._trusted = frozenset(robots)

    def offer(self, sender: Sender, data: bytes, now: float) -> bool:
        """Take a status; return whether its sender has a place."""
        with self._lock:
            if not self._has_place(sender, now):
                self._refuse(sender.robot_id)
                return False
            self._senders[sender] = now
            self._senders.move_to_end(sender)
            self._put(sender.robot_id, sender, data)
            return True

    def offer_more(self, robot_id: bytes, kind: Hashable, data: bytes) -> bool:
        """Take another message of a robot that has sent a status; return whether it is one."""
        with self._lock:
            key = (robot_id, kind)
            waiting = len(self._first) + len(self._then)
            is_new = key not in self._first and key not in self._then
            is_full = waiting >= self._most * KINDS_OF_A_SENDER and is_new
            if robot_id not in self._robots or is_full:
                return False
            self._put(robot_id, key, data)
            return True

    def take(self, now: float, most: int, of_strangers: int) -> Taken:
        """
        Return at most `most` messages, those of trusted robots first.

        At most `of_strangers` are of others. Of each kind come those that have waited longest.
        """
        with self._lock:
            while self._senders:
                sender, heard = next(iter(self._senders.items()))
                if now - heard <= FORGET_AFTER_S:
                    break
                self._forget(sender)
            items = _pop(self._first, most)
            items += _pop(self._then, min(of_strangers, most - len(items)))
            due = [(isinstance(key, Sender), data) for key, data in items]
            taken = Taken(due, self._forgotten, self._refused, tuple(sorted(self._examples)))
            self._forgotten, self._refused, self._examples = [], 0, set()
            return taken

    def __len__(self) -> int:
        """Return how many senders have a place."""
        return len(self._senders)

    def _put(self, robot_id: bytes, key: Hashable, data: bytes) -> None:
        is_trusted = robot_id in self._trusted
        (self._then if is_trusted else self._first).pop(key, None)
        (self._first if is_trusted else self._then)[key] = data

    def _has_place(self, sender: Sender, now: float) -> bool:
        if sender in self._senders:
            return True
        if len(self._senders) >= self._most and not self._make_room(sender, now):
            return False
        self._robots[sender.robot_id] = self._robots.get(sender.robot_id, 0) + 1
        return True

    def _make_room(self, sender: Sender, now: float) -> bool:
        oldest, heard = next(iter(self._senders.items()))
        if now - heard > QUIET_S:
            self._forget(oldest)
            return True
        if sender.robot_id not in self._trusted or sender.robot_id in self._robots:
            return False
        stranger = next((s for s in self._senders if s.robot_id not in self._trusted), None)
        if stranger is not None:
            self._forget(stranger)
        return stranger is not None

    def _forget(self, sender: Sender) -> None:
        del self._senders[sender]
        self._first.pop(sender, None)
        self._then.pop(sender, None)
        self._robots[sender.robot_id] -= 1
        if not self._robots[sender.robot_id]:
            del self._robots[sender.robot_id]
        self._forgotten.append(sender)

    def _refuse(self, robot_id: bytes) -> None:
        self._refused += 1
        if len(self._examples) < KINDS_OF_A_SENDER:
            self._examples.add(robot_id)


def _pop(waiting: OrderedDict[Hashable, bytes], most: int) -> list[tuple[Hashable, bytes]]:
    return [waiting.popitem(last=False) for _ in range(min(most, len(waiting)))]
