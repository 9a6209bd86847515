# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Duration of a Direct rollout over DDS: load on every robot, switch, confirm."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fleet_parts.rollbacks import MODEL_ID, VERSIONS, fleet
from lib.processes import process

from hotswap_ros.nodes.client import FleetClient

#: How many robots are named first.
NAMED = 10
_PATIENCE_S = 120.0


class Direct(NamedTuple):
    """Seconds from the goal, as it is sent, to its result; those until all had loaded."""

    whole: float
    loaded: float


def directs(robots: int, logs: Path) -> tuple[Direct, Direct]:
    """Roll out to some robots by name, then to all others; none has ever loaded the version."""
    journal = logs / f'direct_{robots}.sqlite3'
    journal.unlink(missing_ok=True)
    coordinator = ['fleet_coordinator', '--ros-args', '-p', f'journal:={journal}']
    with (
        fleet('simulated', robots, logs),
        process(coordinator, logs / f'direct_{robots}.log', is_ours=True),
        FleetClient() as client,
    ):
        _wait_for(client, robots)
        named = sorted(client.robots)[:NAMED]
        return _direct(client, named), _direct(client, None)


def _wait_for(client: FleetClient, robots: int) -> None:
    give_up_at = time.monotonic() + _PATIENCE_S
    while client.status.robots_heard < robots or not client.is_there():
        if time.monotonic() > give_up_at:
            sys.exit(f'{client.status.robots_heard} of {robots} robots within {_PATIENCE_S:g} s')
        time.sleep(0.1)


def _direct(client: FleetClient, targets: Sequence[str] | None) -> Direct:
    plan = {'modelId': MODEL_ID, 'version': VERSIONS[1], 'strategy': 'Direct'}
    if targets is not None:
        plan['targetDevices'] = list(targets)
    began = time.perf_counter()
    result = client.start_rollout(json.dumps(plan)).result(timeout=_PATIENCE_S)
    whole = time.perf_counter() - began
    report = client.report(result.rollout_id)
    if report['status'] != 'succeeded':
        sys.exit(f'Direct: {report["status"]}: {report["reason"]}')
    load = report['steps'][0]
    return Direct(whole, load['ended'] - load['started'])
