# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Alerts wait for a subscriber."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from hotswap_ros import msg
from hotswap_ros.fleet import Event, Level
from hotswap_ros.nodes.coordinator.loop import News
from hotswap_ros.nodes.coordinator.publishers import CoordinatorPublishers


class Site:
    """CoordinatorPublishers without DDS: subscribers to alerts, and what was published."""

    def __init__(self):
        self.subscribers = 0
        self.published, self.reported = [], []
        self.diagnostics = {}
        node = MagicMock()
        node.create_publisher = self._publisher
        node.get_clock().now().to_msg.return_value = msg.Alert().stamp
        self.publishers = CoordinatorPublishers(node, 7, self.reported.append)
        self._number = 0

    def _publisher(self, kind, *_):
        publish = self.published.append if kind is msg.Alert else self._diagnose
        return SimpleNamespace(publish=publish, get_subscription_count=lambda: self.subscribers)

    def _diagnose(self, message):
        for status in getattr(message, 'status', None) or ():
            if not isinstance(status, int):
                self.diagnostics = {pair.key: pair.value for pair in status.values}

    def happens(self, text, *, alert=True):
        self._number += 1
        event = Event(time=1.0, kind='rollback', level=Level.WARNING, text=text, alert=alert)
        self.publishers.take(News((), (event,), self._number, 0, (), '', '', 0, (), taken_over=''))

    def repeat(self, times=1):
        for _ in range(times):
            self.publishers.repeat({})

    @property
    def texts(self):
        return [alert.text for alert in self.published]


@pytest.fixture
def site():
    return Site()


def test_an_alert_without_a_subscriber_waits(site):
    site.happens('first')
    site.repeat(100)
    site.happens('second')
    site.repeat()
    assert (site.published, site.reported) == ([], [])
    assert site.diagnostics['alerts_pending'] == '2'
    site.subscribers = 1
    site.repeat()
    assert site.published == [], 'the subscriber may not be connected yet'
    site.repeat()
    assert (site.texts, site.reported) == (['first', 'second'], [2])
    site.happens('third')
    assert (site.texts[2:], site.reported) == (['third'], [2, 3])
    site.repeat()
    assert site.diagnostics['alerts_pending'] == '0'


def test_a_subscriber_that_leaves_receives_nothing_more(site):
    site.subscribers = 1
    site.repeat(2)
    site.subscribers = 0
    site.happens('after the subscriber has left')
    assert site.published == []
    site.repeat()
    site.subscribers = 1
    site.repeat()
    assert site.published == []
    site.repeat()
    assert len(site.published) == 1


def test_an_event_that_is_no_alert_does_not_wait(site):
    site.happens('a step', alert=False)
    assert (site.published, site.reported) == ([], [1])


def test_the_newest_hundred_alerts_wait(site):
    for number in range(150):
        site.happens(str(number))
    site.subscribers = 1
    site.repeat(2)
    assert site.texts == [str(number) for number in range(50, 150)]
    assert site.reported == [150]
