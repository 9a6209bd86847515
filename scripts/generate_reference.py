# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Write the generated parts of docs from the code: `make reference`.

A page has prose that people write, and regions that this program writes. A region stands between
two comments; the first one names what it shows:

    <!-- generated: keys Stage -->
    <!-- end -->

With --check nothing is written; the exit code is 1 if a page is not current. The regions are
described in `reference_pages`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reference_pages import PAGES, render


def main() -> int:
    """Bring the pages up to date, or check that they are; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.strip().split('\n')[0])
    parser.add_argument('--check', action='store_true', help='write nothing; exit 1 if outdated')
    parser.add_argument('pages', nargs='*', type=Path, help='pages (default: all)')
    given = parser.parse_args()
    outdated = [page for page in given.pages or PAGES if not _is_current(page, given.check)]
    for page in outdated:
        print('{} {}'.format('outdated:' if given.check else 'written:', page.name))
    return 1 if outdated and given.check else 0


def _is_current(page: Path, check: bool) -> bool:
    before = page.read_text()
    after = render(before)
    if not check and after != before:
        page.write_text(after)
    return after == before


if __name__ == '__main__':
    sys.exit(main())
