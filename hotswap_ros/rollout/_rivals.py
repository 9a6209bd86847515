# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Other coordinators of the same fleet: the one that was started last has it."""

from __future__ import annotations

from hotswap_ros.rollout._errors import TakenOverError
from hotswap_ros.rollout._state import Event, Level


class Rivals:
    """
    Takes note of other coordinators by their epochs, and tells people of each once.

    Robots heed the highest epoch alone, and so does a coordinator: one that hears of a higher
    epoch than its own has lost the fleet for as long as its process lives.
    """

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._known: set[int] = set()
        self._events: list[Event] = []
        #: Who has taken over, in words; empty: nobody.
        self.taken_over = ''

    def hear(self, epoch: int, now: float) -> None:
        """Take note of a heartbeat of another coordinator at `now` (seconds)."""
        if self.taken_over or epoch in self._known:
            return
        self._known.add(epoch)
        if epoch > self._epoch:
            self.taken_over = str(TakenOverError(epoch, self._epoch))
            self._tell(now, Level.ERROR, self.taken_over)
            return
        text = f'another coordinator is at work on this fleet, with epoch {epoch}; this one has '
        text += f'{self._epoch}: '
        if epoch < self._epoch:
            text += 'it falls silent when it hears this one; stop it'
        else:
            text += 'robots cannot tell them apart and are told now this, now that; stop one'
        self._tell(now, Level.WARNING, text)

    def refuse(self) -> None:
        """Raise TakenOverError where another coordinator has taken over."""
        if self.taken_over:
            raise TakenOverError(max(self._known), self._epoch)

    def take_events(self) -> list[Event]:
        """Return what people are to be told since the last call."""
        events, self._events = self._events, []
        return events

    def _tell(self, now: float, level: Level, text: str) -> None:
        self._events.append(
            Event(time=now, kind='second_coordinator', level=level, text=text, alert=True)
        )
