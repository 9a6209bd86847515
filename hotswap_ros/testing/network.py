# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The network between the robots of a fake fleet and their coordinator."""

from __future__ import annotations

import random
from collections.abc import Callable


class FakeNetwork:
    """
    Delivers messages at once; once disturbed, it loses, duplicates, delays and reorders them.

    `loss`, `duplication` and `delay` are the probabilities that a message is lost, arrives twice,
    or arrives up to `LONGEST_DELAY_S` later.
    """

    LONGEST_DELAY_S = 4

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f'network {seed}')
        self._in_transit: list[tuple[float, Callable[[], None]]] = []
        self.loss = self.duplication = self.delay = 0.0
        self.was_disturbed = False

    def disturb(self, loss: float = 0.0, duplication: float = 0.0, delay: float = 0.0) -> None:
        """Set the probabilities from now on; without any, the network is sound again."""
        self.loss, self.duplication, self.delay = loss, duplication, delay
        self.was_disturbed = self.was_disturbed or bool(loss or duplication or delay)

    def send(self, deliver: Callable[[], None], now: float) -> None:
        """Send a message; `deliver` is called when it arrives."""
        if not (self.loss or self.duplication or self.delay):
            deliver()
            return
        for _ in range(1 + self._happens(self.duplication)):
            if self._happens(self.loss):
                continue
            if self._happens(self.delay):
                arrives = now + self._random.randint(1, self.LONGEST_DELAY_S)
                self._in_transit.append((arrives, deliver))
            else:
                deliver()

    def pass_time(self, now: float) -> None:
        """Deliver the delayed messages that arrive by `now`, in random order."""
        if not self._in_transit:
            return
        due = [deliver for arrives, deliver in self._in_transit if arrives <= now]
        self._in_transit = [message for message in self._in_transit if message[0] > now]
        self._random.shuffle(due)
        for deliver in due:
            deliver()

    def _happens(self, probability: float) -> bool:
        return bool(probability) and self._random.random() < probability
