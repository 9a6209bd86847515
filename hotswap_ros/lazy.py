# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Packages whose public names are imported when they are first used."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any


def lazy_names(package: str) -> Callable[[str], Any]:
    """
    Return a `__getattr__` for a package (PEP 562) that imports a public name at its first use.

    The names are those that the package's `__init__.py` imports under `if TYPE_CHECKING:`. Type
    checkers and import linters read the same lines, and a short command loads only what it needs.
    """
    modules = _modules_of(package)

    def find(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        found = getattr(importlib.import_module(modules[name]), name)
        # The next use finds it without this function.
        setattr(sys.modules[package], name, found)
        return found

    return find


def _modules_of(package: str) -> dict[str, str]:
    """Return the module of each name that a package imports for type checkers."""
    loader = sys.modules[package].__loader__
    source = loader.get_source(package)  # type: ignore[union-attr]
    return {
        alias.name: str(line.module)
        for block in ast.parse(source).body
        if isinstance(block, ast.If)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
