# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every plan that people may copy from README, docs or config asks for a proof."""

import re
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest
import yaml

from hotswap_ros.coordinator import assumed_preview, outlook_of
from hotswap_ros.plan import PromoteOn, Strategy, load_plan

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').rglob('*.md'))]
FILES = sorted((ROOT / 'config').rglob('*.yaml'))

#: A line that only a plan has, with the lines around it that belong to the same text.
PLAN_LINE = re.compile(r'^ *(?:strategy: \w+|phases:)$', re.MULTILINE)
QUOTES = re.compile(r'("""|\'\'\'|")$')


def blocks_of(page):
    """Yield each piece of YAML on a page that has a plan, and the sentences beside it."""
    lines = page.read_text().splitlines()
    seen = set()
    for number, line in enumerate(lines):
        if not PLAN_LINE.match(line) or number in seen:
            continue
        margin = len(line) - len(line.lstrip())
        first, last = number, number
        while belongs(lines[first - 1], margin):
            first -= 1
        while last + 1 < len(lines) and belongs(lines[last + 1], margin) and ends_not(lines[last]):
            last += 1
        seen.update(range(first, last + 1))
        text = QUOTES.sub('', dedent('\n'.join(lines[first : last + 1])))
        beside = ' '.join(lines[max(0, first - 6) : first] + lines[last + 1 : last + 7])
        yield SimpleNamespace(
            name=f'{page.name}:{first + 1}', plan=yaml.safe_load(text), beside=beside
        )


def belongs(line, margin):
    """Return whether a line is part of a plan whose keys have this margin."""
    is_key = re.match(rf' {{{margin}}}[a-zA-Z]\w*:( |$)', line)
    is_deeper = line.startswith(' ' * margin) and line[margin : margin + 1] in (' ', '-', '#')
    return bool(is_key or is_deeper)


def ends_not(line):
    return not QUOTES.search(line)


def plans_of(file):
    """Yield the plan of a file: the file itself, or the plan of a scenario."""
    content = yaml.safe_load(file.read_text())
    content = content if isinstance(content, dict) else {}
    for plan in (content, content.get('plan')):
        if isinstance(plan, dict) and {'strategy', 'phases'} & plan.keys():
            yield SimpleNamespace(name=file.stem, plan=plan, beside='')


ON_PAGES = [found for page in PAGES for found in blocks_of(page)]
IN_FILES = [found for file in FILES for found in plans_of(file)]
ALL = ON_PAGES + IN_FILES
#: Whole plans that do not belong to a scenario with a fleet of its own.
TO_RUN = {
    found.name: yaml.safe_dump(found.plan)
    for found in [
        *ON_PAGES,
        *(found for file in FILES if file.parent.name == 'plans' for found in plans_of(file)),
    ]
    if 'version' in found.plan or 'modelB' in found.plan
}


def test_the_plans_are_found():
    pages = {found.name.split(':')[0] for found in ON_PAGES}
    tutorial, how_to = 'first_rollout.md', {'test_a_plan.md', 'write_a_plan.md'}
    assert pages == {'README.md', tutorial, 'scenario.md', 'plan.md', *how_to}
    assert len(IN_FILES) >= len(list((ROOT / 'config' / 'plans').iterdir())) + 40


@pytest.mark.parametrize('found', ALL, ids=lambda found: found.name)
def test_it_asks_for_a_proof(found):
    if found.plan.get('strategy') == Strategy.DIRECT:
        return
    assert found.plan.get('promoteOn') == PromoteOn.PROVEN or 'noHarm' in found.beside


@pytest.mark.parametrize('text', TO_RUN.values(), ids=TO_RUN)
def test_it_seldom_promotes_a_version_that_is_three_points_worse(text):
    outlook = outlook_of(assumed_preview(load_plan(text), 100, 0.1, 0.92, 0.02), None, (-0.03,))
    assert [odds.promoted <= 0.05 for odds in outlook.odds] == [True]


def test_the_plan_of_the_readme_promotes_an_equal_version_unaided():
    (text,) = (text for name, text in TO_RUN.items() if name.startswith('README'))
    (odds,) = outlook_of(assumed_preview(load_plan(text), 100, 0.1, 0.92, 0.02), None, (0.0,)).odds
    assert odds.promoted >= 0.8
