# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Statuses that come too fast, from too many, too large, or shaped on purpose.

The coordinator stays up, its heartbeats keep coming, and a rollback works meanwhile. `make chaos`
prints the longest gap between two heartbeats and the time of a rollback.
"""

import contextlib
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from _world import Program, World, wait_until

from hotswap_ros import action, msg
from hotswap_ros.nodes import qos

ROBOTS = 6
MODEL = 'pick_policy'
#: Statuses a second, robots that send them, the field that is wrong, and its size.
FLOODS = {
    'one robot': (5_000, 1, '', 0),
    'ever more robots': (5_000, 100_000, '', 0),
    'two thousand robots': (1_000, 2_000, '', 0),
    'no server': (1, 1, 'server', 0),
    'a large reason': (2, 1, 'reason', 66_000_000),
    'a large name': (2, 1, 'robot_id', 8_000_000),
    'a name that steers terminals': (5, 1, 'robot_id', 0),
}
FEW = ('no server', 'a name that steers terminals', 'ever more robots')


class Coordinator:
    """A coordinator with a fleet, and the times of its heartbeats."""

    def __init__(self, world, folder, repository):
        self.world = world
        self.beats = []
        self.status = world.listen(
            msg.RolloutStatus, '/fleet_coordinator/rollout_status', qos.STATE
        )
        world.do(
            lambda: world.node.create_subscription(
                msg.Heartbeat,
                '/fleet/heartbeat',
                lambda _: self.beats.append(time.monotonic()),
                qos.STREAM,
            )
        )
        fleet = Program(
            'sim_fleet',
            folder,
            world.domain,
            robots=ROBOTS,
            model_repository=str(repository),
            stable_version='v23',
        )
        self.program = Program(
            'fleet_coordinator', folder, world.domain, journal='none', max_robots=1_000
        )
        self.programs = [fleet, self.program]
        self.status.wait_for(lambda m: m.robots_heard == ROBOTS, 'a coordinator with its fleet')

    def order(self, version):
        return self.world.send(
            action.Rollback,
            '/fleet_coordinator/rollback',
            model_id=MODEL,
            version=version,
            robot_ids=[f'robot_{number:02}' for number in range(1, ROBOTS + 1)],
        ).result()

    def memory_mb(self):
        status = Path(f'/proc/{self.program.pid}/status').read_text()
        return int(status.split('VmRSS:')[1].split()[0]) / 1000


@pytest.fixture(scope='module')
def coordinator(tmp_path_factory, policies):
    world = World()
    found = Coordinator(world, tmp_path_factory.mktemp('floods'), policies)
    yield found
    for program in reversed(found.programs):
        program.stop()
    world.close()


@contextlib.contextmanager
def flood(world, kind):
    arguments = [str(part) for part in FLOODS[kind]]
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name('_flood.py')), *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, 'ROS_DOMAIN_ID': str(world.domain.number)},
    ) as process:
        try:
            assert process.stdout.readline(), 'the flood has begun'
            yield
        finally:
            process.kill()


@pytest.mark.parametrize('kind', FLOODS)
def test_a_rollback_works_and_heartbeats_come_in_a_flood(coordinator, kind, pytestconfig):
    seconds = pytestconfig.getoption('--flood-seconds')
    if not seconds and kind not in FEW:
        pytest.skip('only with --flood-seconds, see make chaos')
    with flood(coordinator.world, kind):
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > seconds, 'time', patience_s=seconds + 60)
        ordered = time.monotonic()
        results = [coordinator.order(version) for version in ('v24', 'v23')]
        took = time.monotonic() - ordered
        count = len(coordinator.beats)
        wait_until(lambda: len(coordinator.beats) >= count + 3, 'heartbeats')
    beats = [began, *(at for at in coordinator.beats if at > began)]
    gap = max(later - earlier for earlier, later in itertools.pairwise(beats))
    print(
        f'flood of {kind}: longest gap of heartbeats {gap:.1f} s, two rollbacks {took:.1f} s, '
        f'{coordinator.memory_mb():.0f} MB resident',
        flush=True,
    )
    assert [(r.error_code, r.robots_confirmed) for r in results] == [(0, ROBOTS)] * 2
    assert coordinator.program.is_running
    assert '\x1b[2J' not in coordinator.program.log
