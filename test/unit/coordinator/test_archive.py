# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The archive of rollouts that have ended."""

import json

import pytest

from hotswap_ros.coordinator import Archive, ArchiveError
from hotswap_ros.rollout import Status


def test_an_ended_rollout_leaves_its_report_its_events_and_its_metrics(fleet, plan, tmp_path):
    archive = Archive(tmp_path / 'archive')
    rollout = fleet.start(plan())
    fleet.finish(rollout)
    assert not archive.has(rollout)
    coordinator = fleet.coordinator
    folder = archive.put(rollout, coordinator.report(rollout), coordinator.metrics(rollout))
    assert archive.has(rollout)
    report = json.loads((folder / 'report.json').read_text())
    assert (report['rollout_id'], report['status']) == (rollout, 'succeeded')
    events = [json.loads(line) for line in (folder / 'events.jsonl').read_text().splitlines()]
    assert events[-1]['kind'] == 'succeeded'
    metrics = json.loads((folder / 'metrics.json').read_text())
    robot = fleet.robots['r03']
    found = metrics['r03']['versions']['v24']['tasks']['finished']
    assert 0 < found <= robot.counts['v24'].finished
    assert not list(folder.glob('*.part'))


def test_the_end_of_a_rollout_is_told_once(fleet, plan):
    ended = []
    tick = fleet.coordinator.tick

    def watched(now):
        output = tick(now)
        ended.extend(output.ended)
        return output

    fleet.coordinator.tick = watched
    rollout = fleet.start(plan())
    assert fleet.finish(rollout).status is Status.SUCCEEDED
    fleet.run(20)
    assert ended == [rollout]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'archive').write_text('a file')
    with pytest.raises(ArchiveError, match=r"archive/x: .*'hotswap report'"):
        Archive(tmp_path / 'archive').put('x', {}, {})
