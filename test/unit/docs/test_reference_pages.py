# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The generated parts of the reference pages are current: `make reference` writes them."""

from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / 'scripts'
PAGES = sorted((SCRIPTS.parent / 'docs' / 'reference').glob('*.md'))


@pytest.fixture
def reference(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import reference_pages

    return reference_pages


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_the_page_is_current(reference, page):
    text = page.read_text()
    # Parameters are declared with rclpy: test/ros checks their page.
    assert reference.needs_ros(text) or reference.render(text) == text, "run 'make reference'"


def test_everything_is_described(reference):
    from reference_pages.descriptions import MISSING

    assert [page.name for page in reference.PAGES if MISSING in page.read_text()] == []


def test_a_contract_is_rendered_with_its_fields(reference, tmp_path):
    from reference_pages.messages import messages

    folder = tmp_path / 'srv'
    folder.mkdir()
    (folder / 'Ask.srv').write_text(
        '# Ask <somebody>.\n'
        '# Twice.\n\n'
        'uint8 NONE = 0   # nothing\n'
        'string[<=2] names  # whom, one of A_*\n'
        '                   # and how\n'
        '---\n'
        'float64 answer 1.5  # the answer\n'
    )
    text = messages(folder)
    assert '### Ask\n\nAsk &lt;somebody>. Twice.\n\n*Request*' in text
    assert '| `NONE` | 0 | nothing |' in text
    assert r'| `names` | `string[<=2]` | whom, one of A_\* and how |' in text
    assert '| `answer` | `float64` | the answer (default: 1.5) |' in text
