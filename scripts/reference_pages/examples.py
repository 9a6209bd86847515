# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Examples of code, from the docstrings that have them; a test runs them there."""

from __future__ import annotations

import importlib
import re


def example(room: str) -> str:
    """Return the example in the docstring of a room, with the quotes of code outside of one."""
    documented = importlib.import_module(f'hotswap_ros.{room}').__doc__ or ''
    (code,) = re.findall(r'^```python\n.*?^```$', documented, re.MULTILINE | re.DOTALL)
    return str(code).replace("'''", '"""')
