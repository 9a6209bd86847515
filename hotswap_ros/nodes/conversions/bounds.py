# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names and sentences in messages of others, bounded and cleaned where they come in."""

from __future__ import annotations

import re
from collections.abc import Sized

from hotswap_ros.limits import NAME_CHARACTERS, SENTENCE_CHARACTERS
from hotswap_ros.text import plain

#: A fully qualified name of a node (ROS 2 design, topic and service names).
_NODE = re.compile(r'(/[A-Za-z_][A-Za-z0-9_]*)+')
_SHOWN = 60


class MessageError(ValueError):
    """A message has a value that no robot of this project sends; the text names the field."""

    def __init__(self, field: str, value: str, problem: str) -> None:
        super().__init__(f"field '{field}' is '{plain(value, _SHOWN)}', {problem}")


def name(field: str, value: str) -> str:
    """Return a name. Raises MessageError for one that is too long or no print."""
    if len(value) > NAME_CHARACTERS:
        raise MessageError(field, value, f'which is longer than {NAME_CHARACTERS} characters')
    if not value.isprintable():
        raise MessageError(field, value, 'with characters that are no print')
    return value


def node_name(field: str, value: str) -> str:
    """Return the name of a node. Raises MessageError for what is none."""
    if len(value) > NAME_CHARACTERS or not _NODE.fullmatch(value):
        raise MessageError(field, value, "which is no node: give its name, like '/robot_1/node'")
    return value


def sentence(value: str) -> str:
    """Return a sentence, shortened, on one line and without what steers a terminal."""
    return plain(value, SENTENCE_CHARACTERS)


def at_most(field: str, values: Sized, most: int) -> None:
    """Raise MessageError for a list that is too long."""
    if len(values) > most:
        raise MessageError(field, f'{len(values)} entries', f'of which {most} are allowed')
