# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Help texts of the command line, by command, argument and option."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from hotswap_ros.cli.app import app


def sentences() -> Iterator[tuple[str, str]]:
    """Yield the help of each command, and that of each of its arguments and options."""
    yield from _help('hotswap', get_command(app))


def _help(name: str, command: Any) -> Iterator[tuple[str, str]]:
    yield name, ' '.join(command.help.split())
    for parameter in command.params:
        if parameter.name != 'help':
            yield f'{name} {_name(parameter)}', parameter.help
    for child, found in sorted(getattr(command, 'commands', {}).items()):
        yield from _help(f'{name} {child}', found)


def _name(parameter: Any) -> str:
    is_option = parameter.param_type_name == 'option'
    return max(parameter.opts, key=len) if is_option else str(parameter.name)
