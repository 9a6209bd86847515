# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Client of the simulated fleet's fault service, for programs that are not nodes."""

from __future__ import annotations

from hotswap_ros import srv
from hotswap_ros.nodes.client import FleetClient
from hotswap_ros.sim.faults.faults import Fault, FaultError

_ANSWER_S = 10.0


def inject(client: FleetClient, fault: Fault, simulation: str = '/sim_fleet') -> None:
    """Inject a fault now; its `at_s` is ignored. Raises FaultError and TimeoutError."""
    answer = client.call(
        srv.InjectFault,
        f'{simulation}/inject_fault',
        _ANSWER_S,
        fault=getattr(srv.InjectFault.Request, fault.fault.name),
        robot_ids=list(fault.robots),
        duration_s=fault.duration_s,
        magnitude=fault.magnitude,
    )
    if answer.error_code:
        raise FaultError(f"fault '{fault.fault.value}': {answer.error_msg}")
