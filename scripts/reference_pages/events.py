# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The kinds of events."""

from __future__ import annotations

from hotswap_ros.fleet import EventKind
from reference_pages.markdown import code, table


def events() -> str:
    """Return the table of the kinds of events, in the order of the code."""
    rows = [(code(kind.value), 'yes' if kind.may_alert else '', kind.doc) for kind in EventKind]
    return table(('kind', 'alert', 'what happened'), rows)
