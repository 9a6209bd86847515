# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command line, from the declarations of the commands."""

from __future__ import annotations

import enum
import importlib
import inspect
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.models import ArgumentInfo, CommandInfo

from hotswap_ros.cli import main
from reference_pages.markdown import code, table

_NAMES = {bool: 'flag', int: 'integer', float: 'number', str: 'text', Path: 'path'}


def commands() -> str:
    """Return a list of all commands, and a section for each."""
    app = importlib.import_module(main.__module__).app
    found = sorted(_commands(app, 'hotswap'), key=lambda one: one[0])
    rows = [(f'[`{name}`](#{name.replace(" ", "-")})', _help(one)) for name, one in found]
    parts = [table(('command', 'what it does'), rows)]
    parts += [_section(name, one) for name, one in found]
    return '\n\n'.join(parts)


def _commands(app: typer.Typer, path: str) -> Iterator[tuple[str, CommandInfo]]:
    for one in app.registered_commands:
        yield f'{path} {one.name or _name(one)}', one
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _commands(group.typer_instance, f'{path} {group.name}')


def _name(command: CommandInfo) -> str:
    return str(getattr(command.callback, '__name__', '')).replace('_', '-')


def _help(command: CommandInfo) -> str:
    return ' '.join((command.help or command.callback.__doc__ or '').split())


def _section(name: str, command: CommandInfo) -> str:
    found = list(_parameters(command.callback))
    arguments = [one for one in found if isinstance(one[1], ArgumentInfo)]
    options = [one for one in found if not isinstance(one[1], ArgumentInfo)]
    words = [_argument(one, default) for one, _, _, default in arguments]
    usage = ' '.join([name, *(['[OPTIONS]'] if options else []), *words])
    parts = [f'## {name}', _help(command), f'```text\n{usage}\n```']
    if arguments:
        rows = [
            (code(word), *_facts(*one[1:])) for word, one in zip(words, arguments, strict=True)
        ]
        parts.append(table(('argument', 'type', 'default', 'meaning'), rows))
    if options:
        rows = [(_flags(one[0], one[1]), *_facts(*one[1:])) for one in options]
        parts.append(table(('option', 'type', 'default', 'meaning'), rows))
    return '\n\n'.join(parts)


def _parameters(function: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    """Return name, declaration, type and default of each parameter."""
    hints = typing.get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        kind, declared = typing.get_args(hints[name])
        yield name, declared, kind, parameter.default


def _argument(name: str, default: Any) -> str:
    return name.upper() if default is inspect.Parameter.empty else f'[{name.upper()}]'


def _flags(name: str, declared: Any) -> str:
    # Typer keeps the first name that is given in `default`.
    given = [str(one) for one in (declared.default, *(declared.param_decls or ()))]
    flags = [one for one in given if one.startswith('-')] or ['--' + name.replace('_', '-')]
    return ', '.join(map(code, flags))


def _facts(declared: Any, kind: Any, default: Any) -> tuple[str, str, str]:
    if default is inspect.Parameter.empty:
        shown = 'required'
    else:
        shown = '' if default in (None, '', False) else code(default)
    return _type(declared, kind), shown, declared.help or ''


def _type(declared: Any, kind: Any) -> str:
    """Return a type in words, with the bounds of a number."""
    if typing.get_origin(kind) is list:
        return f'{_type(declared, typing.get_args(kind)[0])}; may be repeated'
    optional = [part for part in typing.get_args(kind) if part is not type(None)]
    if optional:
        return _type(declared, optional[0])
    if issubclass(kind, enum.Enum):
        return ', '.join(code(member.value) for member in kind)
    limits = ((sign, limit) for sign, limit in (('≥', declared.min), ('≤', declared.max)))
    bounds = [f'{sign} {limit:g}' for sign, limit in limits if limit is not None]
    return ', '.join([_NAMES[kind], *bounds])
