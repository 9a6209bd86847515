# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parameters of policy_runner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hotswap_ros.nodes.model_server.parameters import ModelServerParameters
from hotswap_ros.nodes.parameters import parameter
from hotswap_ros.policies import ContractError, read_contract


@dataclass(frozen=True)
class PolicyRunnerParameters(ModelServerParameters):
    """Parameters of a policy runner: those of a model server, and the contract."""

    contract: str = parameter(
        '', 'File with the contract of the robot: its topics, and its rate; must be given.'
    )

    def require_sound(self) -> None:
        """Raise ValueError for faults that ROS cannot find; names parameter and remedy."""
        super().require_sound()
        if not self.contract:
            raise ValueError(
                "parameter 'contract' is empty: name the file with the contract of this robot"
            )
        try:
            read_contract(Path(self.contract))
        except ContractError as error:
            raise ValueError(f"parameter 'contract': {error}") from error
