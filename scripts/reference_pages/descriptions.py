# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Descriptions of keys: the sentence in the code, or the one in descriptions.yaml.

The code goes first: `Field(description=...)`. A test finds a key that the file describes again.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

#: Shown for what nobody has described; a test finds it.
MISSING = '**not described**'


@cache
def written() -> dict[str, Any]:
    """Return the content of the file."""
    loaded: dict[str, Any] = yaml.safe_load(
        Path(__file__).with_name('descriptions.yaml').read_text()
    )
    return loaded


def of_key(model: type[BaseModel], name: str) -> str:
    """Return what a key means."""
    in_code = model.model_fields[name].description
    if in_code:
        return in_code
    sections = [written()['keys'].get(one.__name__, {}) for one in model.__mro__]
    return next((section[name] for section in sections if name in section), MISSING)
