# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Alerts of quarantine and of clocks."""

from collections.abc import Iterator

from hotswap_ros.fleet import (
    ClockWatch,
    EventLog,
    FleetView,
    QuarantineWatch,
    RobotReport,
)
from hotswap_ros.models import Routing


def sentences() -> Iterator[tuple[str, str]]:
    """Yield the texts of alerts."""
    names = [('r1', '/a'), ('r1', '/b')]
    servers = [('r1', '/a'), ('r2', '/a')]
    yield from _quarantined('robot_id', names)
    yield from _quarantined('server name', servers)
    yield from _clocks('one', {'r0': -8.0, 'r1': 0.0})
    yield from _clocks('six', {'r0': 0.0} | {f'r{number}': 3600.0 for number in range(1, 7)})
    yield from _clocks('all', {'r0': 8.0, 'r1': 8.0})


def _quarantined(what: str, speakers: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    view, log = FleetView(0.0), EventLog()
    watch = QuarantineWatch(view, log)
    for number in range(12):
        robot_id, server = speakers[number % 2]
        view.on_report(_report(robot_id, server), number / 2)
    watch.look(6.0)
    for number in range(30):
        view.on_report(_report(*speakers[0]), 6.0 + number)
    watch.look(36.0)
    begin, *_, end = [event.text for event in log.take()]
    yield f'duplicate {what}, begin', begin
    yield f'duplicate {what}, end', end


def _report(robot_id: str, server: str) -> RobotReport:
    return RobotReport(robot_id, server, 'm', 'boot', Routing('m', 'v23'))


def _clocks(case: str, skews: dict[str, float]) -> Iterator[tuple[str, str]]:
    view, log = FleetView(0.0), EventLog()
    watch = ClockWatch(view.clocks, log)
    for now in range(100):
        for robot_id, skew_s in skews.items():
            view.clocks.hear(robot_id, now + (skew_s if now < 50 else 0.0), now)
        watch.look(now)
    begin, end = [event.text for event in log.take()]
    yield f'clock, {case} wrong', begin
    yield f'clock, {case} correct', end
