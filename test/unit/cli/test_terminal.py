# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What anybody may have written, on a terminal."""

import io

import pytest
from rich.table import Table
from rich.text import Text

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
