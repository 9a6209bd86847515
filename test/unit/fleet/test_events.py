# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every kind of event is documented, and as what it is."""

import re
from pathlib import Path

from hotswap_ros.fleet import QUIET, EventKind
from hotswap_ros.rollout import PauseReason, Status

ROOT = Path(__file__).resolve().parents[3]
KINDS = {kind.value for kind in EventKind}
ALERTS = KINDS - {kind.value for kind in QUIET}


def test_the_page_on_events_has_all_of_them():
    page = (ROOT / 'docs' / 'reference' / 'events.md').read_text()
    table = page.split('| kind | alert | what happened |')[1].split('\n\n')[0]
    alerts = {}
    for row in table.splitlines()[2:]:
        names, alert, _ = row.strip('| ').split(' |', 2)
        alerts |= dict.fromkeys(re.findall(r'`(\w+)`', names), bool(alert.strip()))
    assert alerts.keys() == KINDS
    assert {name for name, is_alert in alerts.items() if is_alert} == ALERTS


def test_the_message_names_those_that_are_alerts():
    text = (ROOT / 'msg' / 'Alert.msg').read_text()
    assert set(re.findall(r'"(\w+)"', text)) == ALERTS


def test_every_pause_and_every_end_has_its_own():
    assert {reason.value for reason in PauseReason if reason is not PauseReason.NONE} <= KINDS
    assert {status.value for status in Status if status.is_terminal} <= ALERTS
