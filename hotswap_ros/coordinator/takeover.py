# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Other coordinators of the same fleet: the one that was started last has it."""

from __future__ import annotations

from hotswap_ros.coordinator import sentences
from hotswap_ros.fleet.events import EventKind, EventLog, Level
from hotswap_ros.limits import COORDINATORS
from hotswap_ros.rollout.errors import TakenOverError

#: Generations are counted from an epoch, in microseconds. A generation that is higher than ours by
#: no more than this was set by hand, and shows no newer coordinator.
_BY_HAND = 2**20
#: How far the clock of another coordinator may be ahead, in seconds.
_AHEAD_S = 60.0


class Takeover:
    """
    Watches for other coordinators by their epochs, and tells people of each once.

    Robots obey the highest epoch only. So does a coordinator: once it sees a higher epoch than its
    own, in a heartbeat or in the generation of a robot, it has lost the fleet for as long as its
    process lives.
    """

    def __init__(self, epoch: int, log: EventLog) -> None:
        self._epoch = epoch
        self._log = log
        self._known: set[int] = set()
        self._evidence = ''
        #: The other coordinator that has taken over, in words; empty: none.
        self.taken_over = ''

    def hear(self, epoch: int, now: float) -> None:
        """Take a heartbeat of another coordinator at `now` (seconds)."""
        if self.taken_over or epoch in self._known:
            return
        if epoch < self._epoch and len(self._known) >= COORDINATORS:
            return
        self._known.add(epoch)
        if epoch > self._epoch:
            self._yield(sentences.newer_coordinator(epoch, self._epoch), now)
        elif epoch < self._epoch:
            self._say(now, Level.WARNING, sentences.older_coordinator(epoch, self._epoch))
        else:
            self._say(now, Level.WARNING, sentences.equal_coordinator(epoch, self._epoch))

    def see(self, robot_id: str, generation: int, sent: int, now: float) -> None:
        """
        Take a robot's new generation; `sent` is the last one that this coordinator sent to it.

        A coordinator counts from its epoch. A generation in the future, or just above ours, was
        set by hand: it shows no other coordinator.
        """
        is_later = generation > max(self._epoch, sent) + _BY_HAND
        if is_later and generation <= (now + _AHEAD_S) * 1e6 and not self.taken_over:
            self._yield(sentences.newer_generation(robot_id, generation, self._epoch), now)

    def refuse(self) -> None:
        """Raise TakenOverError where another coordinator has taken over."""
        if self.taken_over:
            raise TakenOverError(self._evidence)

    def _yield(self, evidence: str, now: float) -> None:
        self._evidence = evidence
        self.taken_over = str(TakenOverError(evidence))
        self._say(now, Level.ERROR, self.taken_over)

    def _say(self, now: float, level: Level, text: str) -> None:
        self._log.say(now, EventKind.SECOND_COORDINATOR, level, text, alert=True)
