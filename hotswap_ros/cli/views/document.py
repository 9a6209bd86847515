# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reports, shown in a terminal or written as one self-contained web page."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jinja2
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from hotswap_ros.cli.terminal import STANDARD_OUTPUT, write_json

_TEMPLATE = 'page.html.jinja'
#: Colours of a tone in the terminal; the page has its own colours with the same names.
_TONES = {'good': 'green', 'bad': 'red', 'open': 'yellow', 'plain': 'cyan'}


@dataclass(frozen=True)
class Grid:
    """A table. The first column is text, the others are figures unless `texts` names them."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Picture:
    """A plot as SVG; `caption` describes it in words."""

    svg: str
    caption: str


@dataclass(frozen=True)
class Remarks:
    """Sentences, one below the other; `tone` as in Document."""

    lines: Sequence[str]
    tone: str = 'plain'


@dataclass(frozen=True)
class Card:
    """A finding with a label, and the evidence for and against it."""

    title: str
    label: str
    tone: str
    text: str
    supports: Sequence[str] = ()
    objects: Sequence[str] = ()


Part = Grid | Picture | Remarks | Card


@dataclass(frozen=True)
class Section:
    """A part of a report with a heading."""

    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Document:
    """A report: `verdict` in a few words, `sentence` in full; `tone` is good, bad or open."""

    title: str
    subtitle: str
    verdict: str
    sentence: str
    tone: str
    sections: Sequence[Section]


def deliver(
    console: Console,
    document: Document,
    figures: Callable[[], object],
    html: Path | None,
    json_path: Path | None,
) -> int:
    """Print a report, write its page and figures to the given files; return the exit code."""
    print_document(console, document)
    try:
        if html is not None:
            write_page(html, document)
            console.print(f'\nPage: {html}', highlight=False, soft_wrap=True)
        if json_path is not None:
            write_json(json_path, figures())
        if json_path not in (None, STANDARD_OUTPUT):
            console.print(f'Figures: {json_path}', highlight=False, soft_wrap=True)
    except OSError as error:
        return refuse(console, f'the report cannot be written: {error}')
    return 0


def refuse(console: Console, why: object) -> int:
    """Print the reason why a command fails; return the exit code."""
    console.print(f'hotswap: {why}', style='red', markup=False, soft_wrap=True)
    return 1


def print_document(console: Console, document: Document) -> None:
    """Print a report without its pictures."""
    colour = _TONES[document.tone]
    console.print(f'[bold]{escape(document.title)}[/]  [dim]{escape(document.subtitle)}[/]')
    console.print(
        Panel(
            escape(document.sentence),
            title=f'[bold {colour}]{escape(document.verdict)}[/]',
            title_align='left',
            border_style=colour,
        ),
        highlight=False,
    )
    for section in document.sections:
        parts = [part for part in section.parts if not isinstance(part, Picture)]
        if parts:
            console.print(f'\n[bold]{escape(section.title)}[/]')
        for part in parts:
            _print_part(console, part)


def _print_part(console: Console, part: Part) -> None:
    if isinstance(part, Grid):
        console.print(_table(part), highlight=False)
    elif isinstance(part, Remarks):
        colour = _TONES[part.tone]
        for line in part.lines:
            console.print(f'[{colour}]•[/] {escape(line)}', highlight=False)
    elif isinstance(part, Card):
        colour = _TONES[part.tone]
        console.print(f'[bold]{escape(part.title)}[/]: [{colour}]{escape(part.label)}[/]')
        console.print(f'  {escape(part.text)}', highlight=False)
        for sign, lines in (('[green]+[/]', part.supports), ('[red]−[/]', part.objects)):
            for line in lines:
                console.print(f'  {sign} {escape(line)}', highlight=False)


def _table(grid: Grid) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style='dim')
    for index, header in enumerate(grid.headers):
        table.add_column(escape(header), justify='left' if index in grid.texts else 'right')
    for row in grid.rows:
        table.add_row(*map(escape, row))
    return table


def write_page(path: Path, document: Document) -> None:
    """Write a report as one self-contained HTML file. Raises OSError."""
    source = resources.files('hotswap_ros.cli.views').joinpath(_TEMPLATE).read_text()
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters['data_uri'] = _data_uri
    environment.tests['grid'] = lambda part: isinstance(part, Grid)
    environment.tests['picture'] = lambda part: isinstance(part, Picture)
    environment.tests['card'] = lambda part: isinstance(part, Card)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(environment.from_string(source).render(document=document), encoding='utf-8')


def _data_uri(svg: str) -> str:
    """Return a picture as a data URI: as an image, its ids cannot clash with others."""
    return 'data:image/svg+xml;base64,' + base64.b64encode(svg.encode()).decode()
