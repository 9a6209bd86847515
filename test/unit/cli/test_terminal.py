# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What anybody may have written, on a terminal."""

import ast
import io
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from hotswap_ros.cli import terminal
from hotswap_ros.cli.terminal import PlainConsole

EVIL = 'v1\x1b[2J\x1b]0;title\x07\x9b1m\u202e'


def table():
    found = Table()
    found.add_column(EVIL)
    found.add_row(EVIL)
    return found


@pytest.mark.parametrize('shown', [EVIL, Text(EVIL, style='red'), table()])
def test_what_is_shown_steers_no_terminal(shown):
    out = io.StringIO()
    PlainConsole(file=out, width=200, color_system=None).print(shown, markup=False)
    assert 'v1' in out.getvalue()
    assert out.getvalue().replace('\n', '').isprintable()


def test_colours_of_our_own_stay():
    out = io.StringIO()
    PlainConsole(file=out, force_terminal=True, color_system='standard').print('[red]bad[/red]')
    assert '\x1b[31mbad' in out.getvalue()


def test_no_command_makes_a_console_that_texts_can_steer():
    """A console of rich itself lets every escape in a name through."""
    made = [
        f'{path.name}:{node.lineno}'
        for path in Path(terminal.__file__).parent.rglob('*.py')
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ('Console', 'rich.print')
    ]
    assert made == []
