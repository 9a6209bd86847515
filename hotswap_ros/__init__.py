# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rolls versions of policies out over robot fleets, watches them, and rolls back."""

from pkgutil import extend_path
from typing import TYPE_CHECKING

# The generated interfaces (hotswap_ros.msg, .srv, .action) are installed in another folder than
# the sources: this finds both when Python runs in the repository's root.
__path__ = extend_path(__path__, __name__)

__version__ = '0.1.0'

if TYPE_CHECKING:  # Type checkers do not see the generated modules: this tells them of the names.
    import hotswap_ros.action
    import hotswap_ros.msg
    import hotswap_ros.srv
