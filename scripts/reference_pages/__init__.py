# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
The generated regions of pages.

Each kind of region is a function from the words after its name to Markdown:

    keys MODEL          keys of a section of a plan, a manifest or a scenario (pydantic models)
    messages FOLDER     definitions in msg, srv or action
    columns FILE        columns of a kind of table in a trial
    commands            the command line
    events              kinds of events
    example ROOM        the example in the docstring of a room
    parameters CLASS    parameters of a node (needs rclpy)
    values              cells of the tables in a trial
    verbs               verbs of an operator, by status of the rollout
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from reference_pages.commands import commands
from reference_pages.events import events
from reference_pages.examples import example
from reference_pages.keys import keys
from reference_pages.messages import messages
from reference_pages.parameters import parameters
from reference_pages.trial_tables import columns, values
from reference_pages.verbs import verbs

ROOT = Path(__file__).resolve().parents[2]

_REGIONS: dict[str, Callable[..., str]] = {
    'columns': columns,
    'commands': commands,
    'events': events,
    'example': example,
    'keys': keys,
    'messages': lambda folder: messages(ROOT / folder),
    'parameters': parameters,
    'values': values,
    'verbs': verbs,
}
_REGION = re.compile(r'(<!-- generated: (\w+) ?([\w ]*?) -->\n).*?(<!-- end -->)', re.DOTALL)
_DOCS = ROOT / 'docs'
#: The pages that have such a region.
PAGES = [page for page in sorted(_DOCS.rglob('*.md')) if _REGION.search(page.read_text())]


def render(page: str) -> str:
    """Return the text of a page with its regions written anew."""
    return _REGION.sub(_region, page)


def needs_ros(page: str) -> bool:
    """Return whether a page has a region that only an environment with rclpy can write."""
    return any(match[2] == 'parameters' for match in _REGION.finditer(page))


def _region(match: re.Match[str]) -> str:
    body = _REGIONS[match[2]](*match[3].split())
    return f'{match[1]}\n{body.strip()}\n\n{match[4]}'
