# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The generated parts of pages are current: `make reference` writes them."""

from pathlib import Path

import pytest

from hotswap_ros.rollout import Verb

SCRIPTS = Path(__file__).resolve().parents[3] / 'scripts'
DOCS = SCRIPTS.parent / 'docs'
PAGES = [page for page in sorted(DOCS.rglob('*.md')) if '<!-- generated: ' in page.read_text()]


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


def test_what_the_code_describes_is_not_described_again(reference):
    from reference_pages import descriptions
    from reference_pages.keys import known_models

    known = known_models()
    again = [
        f'{section}.{key}'
        for section, written in descriptions.written()['keys'].items()
        for key in written
        if known[section].model_fields[key].description
    ]
    assert again == []


def test_verbs_are_listed_with_the_statuses_that_allow_some(reference):
    from reference_pages.verbs import verbs

    head, _, *rows, _, last = verbs().splitlines()
    assert head == '| verb | `pending` | `running` | `paused` | `rolling_back` |'
    assert [row.split('`')[1] for row in rows] == [verb.replace('_', '-') for verb in Verb]
    assert rows[0] == '| `pause` |  | yes | unless a person paused it |  |'
    assert '`succeeded`' in last
    assert '`paused`' not in last


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
