# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Contracts of a small arm, from files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from _arm import ARM

from hotswap_ros.policies import Contract, read_contract


@pytest.fixture
def make_contract(tmp_path: Path) -> Callable[..., Contract]:
    """Return a maker of contracts; keys replace those of the arm, a mapping some of its keys."""

    def make(text: str = '', **changes: Any) -> Contract:
        content: dict[str, Any] = yaml.safe_load(yaml.safe_dump(ARM))
        for key, value in changes.items():
            content[key] = value
        path = tmp_path / 'arm.yaml'
        path.write_text(text or yaml.safe_dump(content))
        return read_contract(path)

    return make
