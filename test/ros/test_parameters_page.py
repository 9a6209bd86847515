# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page on parameters is what the nodes declare: `make reference` writes it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_current(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'scripts'))
    import reference_pages

    page = (ROOT / 'docs' / 'reference' / 'parameters.md').read_text()
    assert reference_pages.needs_ros(page)
    assert reference_pages.render(page) == page, "outdated: run 'make reference'"
