# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What lies between robots and the coordinator."""

from __future__ import annotations

import random
from collections.abc import Callable


class Network:
    """
    Hands messages over at once; in trouble, some are lost, come twice, or late and out of order.

    `loss`, `twice` and `late` are probabilities. One that is late comes up to `LATEST_S` later.
    """

    LATEST_S = 4

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f'network {seed}')
        self._under_way: list[tuple[float, Callable[[], None]]] = []
        self.loss = self.twice = self.late = 0.0
        self.had_trouble = False

    def trouble(self, loss: float, twice: float, late: float) -> None:
        """Make it bad from here on; with nothing but zeros, sound again."""
        self.loss, self.twice, self.late = loss, twice, late
        self.had_trouble = self.had_trouble or bool(loss or twice or late)

    def send(self, hand_over: Callable[[], None], now: float) -> None:
        """Take a message, which `hand_over` brings to where it goes."""
        for _ in range(1 + self._is(self.twice)):
            if self._is(self.loss):
                continue
            if self._is(self.late):
                due = now + self._random.randint(1, self.LATEST_S)
                self._under_way.append((due, hand_over))
            else:
                hand_over()

    def pass_time(self, now: float) -> None:
        """Hand over what was late, in any order."""
        due = [message for at, message in self._under_way if at <= now]
        self._under_way = [message for message in self._under_way if message[0] > now]
        self._random.shuffle(due)
        for hand_over in due:
            hand_over()

    def _is(self, probability: float) -> bool:
        return bool(probability) and self._random.random() < probability
