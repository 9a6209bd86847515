# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Common parts of the verbs: the console, optional libraries, and common messages."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from hotswap_ros.text import plain

NO_COORDINATOR = (
    'no fleet_coordinator answers: start one (ros2 launch hotswap_ros coordinator.launch.py), '
    'and check that ROS_DOMAIN_ID is the same here and there'
)
#: As the file of `--json`: the standard output.
STANDARD_OUTPUT = Path('-')
#: The option of every command that reports.
Json = Annotated[
    Path | None,
    typer.Option(help='Write all figures as JSON to this file; -: to the standard output.'),
]
_DISTRIBUTIONS = {'mcap_ros2': 'mcap-ros2-support'}


class PlainConsole(Console):
    """
    A console on which no text steers the terminal: names and sentences come from anybody.

    Its own colours and movements are no text, and stay.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of what is shown, with codes in place of what is no print."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.replace('\n', '').isprintable():
                yield segment
            else:
                lines = segment.text.expandtabs().split('\n')
                text = '\n'.join(plain(line, max(3, 8 * len(line))) for line in lines)
                yield Segment(text, segment.style)


def console(json_file: Path | None = None) -> Console:
    """
    Return a console that wraps at 140 columns if the output is not a terminal.

    If the figures go to the standard output, the text goes to the standard error.
    """
    to_stderr = json_file == STANDARD_OUTPUT
    found = PlainConsole(stderr=to_stderr)
    return found if found.is_terminal else PlainConsole(width=140, stderr=to_stderr)


def write_json(json_file: Path, figures: object) -> None:
    """Write figures to a file, or to the standard output; exit with the reason if it cannot."""
    text = json.dumps(figures, indent=2) + '\n'
    if json_file == STANDARD_OUTPUT:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(text)
    except OSError as error:
        raise SystemExit(f'hotswap: the figures cannot be written: {error}') from error


def need(*modules: str) -> None:
    """Exit with a remedy unless the modules can be imported."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        wanted = ' '.join(_DISTRIBUTIONS.get(name, name) for name in missing)
        raise SystemExit(f'hotswap: this needs {", ".join(missing)}: pip3 install {wanted}')


def need_ros() -> None:
    """Exit with a remedy unless ROS is installed."""
    if importlib.util.find_spec('rclpy') is None:
        raise SystemExit(
            'hotswap: this needs ROS 2 (rclpy): source a ROS 2 workspace that has hotswap_ros, or '
            "run 'make demo' in the repository, which installs ROS 2"
        )
