# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Other coordinators of the same fleet: the one that was started last has it."""

from __future__ import annotations

from hotswap_ros.fleet.events import Event, EventKind, Level
from hotswap_ros.rollout.errors import TakenOverError

#: Generations are counted on from an epoch, in microseconds: this many are none of one started
#: later, but set by hand.
_BY_HAND = 2**20
#: How far another coordinator's clock may be ahead, in seconds.
_AHEAD_S = 60.0


class Takeover:
    """
    Takes note of other coordinators by their epochs, and tells people of each once.

    Robots heed the highest epoch alone, and so does a coordinator: one that hears of a higher
    epoch than its own, or sees that robots were given generations of one, has lost the fleet for
    as long as its process lives.
    """

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._known: set[int] = set()
        self._events: list[Event] = []
        self._evidence = ''
        #: Who has taken over, in words; empty: nobody.
        self.taken_over = ''

    def hear(self, epoch: int, now: float) -> None:
        """Take note of a heartbeat of another coordinator at `now` (seconds)."""
        if self.taken_over or epoch in self._known:
            return
        self._known.add(epoch)
        if epoch > self._epoch:
            self._yield(f'epoch {epoch}, this one has {self._epoch}', now)
            return
        text = f'another coordinator is at work on this fleet, with epoch {epoch}; this one has '
        text += f'{self._epoch}: '
        if epoch < self._epoch:
            text += 'it falls silent when it hears this one; stop it'
        else:
            text += 'robots cannot tell them apart and are told now this, now that; stop one'
        self._tell(now, Level.WARNING, text)

    def see(self, robot_id: str, generation: int, given: int, now: float) -> None:
        """
        Take note that a robot has come to a generation, after it was `given` one by this.

        A coordinator counts on from its epoch. What it can not have been by now is nonsense that
        somebody set by hand, as is what lies just above the own one.
        """
        is_later = generation > max(self._epoch, given) + _BY_HAND
        if is_later and generation <= (now + _AHEAD_S) * 1e6 and not self.taken_over:
            text = f'it gave {robot_id} generation {generation}, this one has epoch {self._epoch}'
            self._yield(text, now)

    def refuse(self) -> None:
        """Raise TakenOverError where another coordinator has taken over."""
        if self.taken_over:
            raise TakenOverError(self._evidence)

    def take_events(self) -> list[Event]:
        """Return what people are to be told since the last call."""
        events, self._events = self._events, []
        return events

    def _yield(self, evidence: str, now: float) -> None:
        self._evidence = evidence
        self.taken_over = str(TakenOverError(evidence))
        self._tell(now, Level.ERROR, self.taken_over)

    def _tell(self, now: float, level: Level, text: str) -> None:
        self._events.append(
            Event(time=now, kind=EventKind.SECOND_COORDINATOR, level=level, text=text, alert=True)
        )
