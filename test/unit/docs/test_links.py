# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every relative link in the documentation leads to a file, and to a heading in it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / 'docs'
PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted(DOCS.rglob('*.md'))]
SHELVES = {'tutorials', 'how-to', 'reference', 'explanation'}

LINK = re.compile(r'\]\(([^()\s]+)(?: "[^"]*")?\)|<(?:a|img) [^>]*(?:href|src)="([^"]+)"')
CODE = re.compile(r'^(```|~~~).*?^\1|^(?: {4}|\t).*?$|`[^`\n]+`', re.MULTILINE | re.DOTALL)
HEADING = re.compile(r'^#{1,6} +(.+?)(?: *\{#([\w-]+)\})?$', re.MULTILINE)
ANCHOR = re.compile(r'<a (?:id|name)="([^"]+)"')
OLD_PATH = re.compile(r'docs/[\w./-]+\.(?:md|svg|gif|png)')


def name_of(page):
    return str(page.relative_to(ROOT))


def links_of(page):
    """Return the targets of the relative links on a page; code holds none."""
    found = LINK.findall(CODE.sub('', page.read_text()))
    targets = [first or second for first, second in found]
    return [target for target in targets if not re.match(r'[a-z]+:', target)]


def slug(heading):
    """Return the anchor that a git host and the site give to a heading."""
    plain = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', heading).replace('`', '')
    return re.sub(r'[^\w\- ]', '', plain.lower()).strip().replace(' ', '-')


def anchors_of(page):
    fenced = re.compile(r'^(```|~~~).*?^\1', re.MULTILINE | re.DOTALL)
    text = fenced.sub('', page.read_text())
    return {slug(title) for title, _ in HEADING.findall(text)} | set(ANCHOR.findall(text))


def problem_with(page, target):
    """Return what is wrong with a link, or nothing."""
    path, _, anchor = target.partition('#')
    other = (page.parent / path).resolve() if path else page
    if not other.exists():
        return f'{target}: no such file'
    if DOCS in page.parents and DOCS not in other.parents:
        return f'{target}: outside docs/, which the site does not have'
    if anchor and other.suffix == '.md' and anchor not in anchors_of(other):
        return f'{target}: no such heading'
    return ''


@pytest.mark.parametrize('page', PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    found = [problem_with(page, target) for target in links_of(page)]
    assert [problem for problem in found if problem] == []


@pytest.mark.parametrize('page', PAGES, ids=name_of)
def test_headings_have_anchors_of_their_own(page):
    text = re.sub(r'^(```|~~~).*?^\1', '', page.read_text(), flags=re.MULTILINE | re.DOTALL)
    slugs = [slug(title) for title, _ in HEADING.findall(text)]
    assert sorted(slugs) == sorted(set(slugs))


def test_the_changelog_names_pages_that_exist():
    paths = OLD_PATH.findall((ROOT / 'CHANGELOG.rst').read_text())
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_page_is_on_a_shelf_and_in_the_navigation():
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob('*.md')}
    assert {page.split('/')[0] for page in pages} <= SHELVES | {'index.md'}
    navigation = (ROOT / 'mkdocs.yml').read_text()
    assert [page for page in sorted(pages) if page not in navigation] == []
