# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The desired routing of one robot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hotswap_ros.models import Routing


@dataclass(frozen=True)
class Desired:
    """
    What one robot should serve and keep resident.

    `previous` is what it served before its last rollout: the target of a rollback without a
    version. `retired` versions are unloaded, and deleted from the robot's cache.
    """

    robot_id: str
    routing: Routing
    resident: tuple[str, ...]
    previous: str = ''
    retired: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON value that `from_json` reads."""
        return {**vars(self), 'routing': dict(vars(self.routing))}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Desired:
        """Read what `to_json` wrote."""
        return cls(
            robot_id=data['robot_id'],
            routing=Routing(**data['routing']),
            resident=tuple(data['resident']),
            previous=data['previous'],
            retired=tuple(data.get('retired', ())),
        )
