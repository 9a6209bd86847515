# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The routing of one robot: which versions it serves, as one immutable value."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from hotswap_ros.models.errors import InvalidRoutingError

_LAST_GENERATION = 2**63 - 1


def next_generation(*known: int) -> int:
    """Return a generation above the known ones; the highest possible one stays."""
    return min(max(known) + 1, _LAST_GENERATION)


@dataclass(frozen=True)
class Routing:
    """
    The versions that a robot serves; replaced as a whole.

    `candidate_share` (0 to 1) is the share of tasks that `candidate` serves; `salt` keys their
    choice. `shadow` decides beside stable and never acts. `generation` rises with every change.
    `lease_s` is the time that a candidate serves without a heartbeat, 0: forever. `activate_at` is
    the wall time at which the routing takes effect, in seconds since 1970, so that a fleet changes
    together; 0 or a past time: at once. Raises InvalidRoutingError for a field out of range.
    """

    model_id: str
    stable: str = ''
    candidate: str = ''
    candidate_share: float = 0.0
    shadow: str = ''
    salt: str = ''
    generation: int = 0
    lease_s: float = 0.0
    activate_at: float = 0.0

    def __post_init__(self) -> None:
        for field, wrong, remedy in (
            ('model_id', not self.model_id, 'name the model'),
            ('candidate_share', not 0.0 <= self.candidate_share <= 1.0, 'use 0 to 1'),
            (
                'candidate',
                bool(self.candidate) and self.candidate == self.stable,
                'it is the stable version already: name another or none',
            ),
            (
                'candidate',
                bool(self.candidate) and not self.stable,
                'a candidate needs a stable version beside it: name both',
            ),
            (
                'candidate_share',
                self.candidate_share > 0 and not self.candidate,
                'name a candidate or use 0',
            ),
            (
                'generation',
                not 0 <= self.generation <= _LAST_GENERATION,
                f'use 0 or more, {_LAST_GENERATION} at most',
            ),
            ('lease_s', not 0 <= self.lease_s < float('inf'), 'use 0 or more'),
            (
                'activate_at',
                not 0 <= self.activate_at < float('inf'),
                'use seconds since 1970, or 0 for at once',
            ),
            (
                'shadow',
                bool(self.shadow) and not self.stable,
                'a shadow needs a stable version beside it: name both',
            ),
            (
                'shadow',
                bool(self.shadow) and self.shadow in (self.stable, self.candidate),
                'it decides already: name another or none',
            ),
        ):
            if wrong:
                raise InvalidRoutingError(field, getattr(self, field), remedy)

    def assign(self, task_id: str) -> str:
        """Return the version that serves a task. A growing share only adds tasks."""
        if self.candidate and bucket(self.salt, task_id) < self.candidate_share:
            return self.candidate
        return self.stable

    def without(self, version: str) -> Routing:
        """Return the same without a version that is candidate or shadow; the generation stays."""
        routing = self
        if version and routing.candidate == version:
            routing = replace(routing, candidate='', candidate_share=0.0)
        if version and routing.shadow == version:
            routing = replace(routing, shadow='')
        return routing

    def with_stable_alone(self, stable: str) -> Routing:
        """Return the same with a stable version and no other; the generation stays."""
        return replace(self, stable=stable, candidate='', candidate_share=0.0, shadow='')

    @property
    def versions(self) -> tuple[str, ...]:
        """Return the versions that are named, stable first."""
        return tuple(v for v in (self.stable, self.candidate, self.shadow) if v)


def bucket(salt: str, key: str) -> float:
    """
    Return a number in [0, 1) that depends on nothing but `salt` and `key`.

    Keyed BLAKE2b: the same on every machine, in every process and after every reboot, which
    Python's `hash()` is not. Two salts give independent numbers for one key.
    """
    # A BLAKE2b key has 64 bytes at most: a longer salt is digested first, so all of it counts.
    salt_bytes = salt.encode()
    if len(salt_bytes) > hashlib.blake2b.MAX_KEY_SIZE:
        salt_bytes = hashlib.blake2b(salt_bytes).digest()
    digest = hashlib.blake2b(key.encode(), digest_size=8, key=salt_bytes).digest()
    # 53 bits: the most that a float holds exactly, so that the result stays below 1.
    return (int.from_bytes(digest, 'big') >> 11) / (1 << 53)
