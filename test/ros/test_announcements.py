# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Alerts wait for somebody who hears them."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from hotswap_ros import msg
from hotswap_ros.fleet import Event, Level
from hotswap_ros.nodes.coordinator.loop import News
from hotswap_ros.nodes.coordinator.publishers import Announcements


class Site:
    """Announcements without DDS: `hearers` subscribe to alerts, `heard` is what was published."""

    def __init__(self):
        self.hearers = 0
        self.heard, self.told = [], []
        self.diagnostics = {}
        node = MagicMock()
        node.create_publisher = self._publisher
        node.get_clock().now().to_msg.return_value = msg.Alert().stamp
        self.announcements = Announcements(node, 7, self.told.append)
        self._number = 0

    def _publisher(self, kind, *_):
        publish = self.heard.append if kind is msg.Alert else self._diagnose
        return SimpleNamespace(publish=publish, get_subscription_count=lambda: self.hearers)

    def _diagnose(self, message):
        for status in getattr(message, 'status', None) or ():
            if not isinstance(status, int):
                self.diagnostics = {pair.key: pair.value for pair in status.values}

    def happens(self, text, *, alert=True):
        self._number += 1
        event = Event(time=1.0, kind='rollback', level=Level.WARNING, text=text, alert=alert)
        self.announcements.take(
            News((), (('r', event),), self._number, (), '', '', 0, (), taken_over='')
        )

    def look(self, times=1):
        for _ in range(times):
            self.announcements.repeat({})

    @property
    def texts(self):
        return [alert.text for alert in self.heard]


@pytest.fixture
def site():
    return Site()


def test_an_alert_that_nobody_hears_is_not_told(site):
    site.happens('first')
    site.look(100)
    site.happens('second')
    site.look()
    assert (site.heard, site.told) == ([], [])
    assert site.diagnostics['alerts_unheard'] == '2'
    site.hearers = 1
    site.look()
    assert site.heard == [], 'the hearer may not know of the publisher yet'
    site.look()
    assert (site.texts, site.told) == (['first', 'second'], [2])
    site.happens('third')
    assert (site.texts[2:], site.told) == (['third'], [2, 3])
    site.look()
    assert site.diagnostics['alerts_unheard'] == '0'


def test_who_leaves_hears_nothing_more(site):
    site.hearers = 1
    site.look(2)
    site.hearers = 0
    site.happens('lost on the one who left')
    assert site.heard == []
    site.look()
    site.hearers = 1
    site.look()
    assert site.heard == []
    site.look()
    assert len(site.heard) == 1


def test_what_is_no_alert_waits_for_nobody(site):
    site.happens('a step', alert=False)
    assert (site.heard, site.told) == ([], [1])


def test_the_newest_hundred_wait(site):
    for number in range(150):
        site.happens(str(number))
    site.hearers = 1
    site.look(2)
    assert site.texts == [str(number) for number in range(50, 150)]
    assert site.told == [150]
