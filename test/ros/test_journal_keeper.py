# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A coordinator whose journal has a retention, over DDS."""

from __future__ import annotations

from _world import Site
from diagnostic_msgs.msg import DiagnosticArray

from hotswap_ros import srv
from hotswap_ros.coordinator import read_journal
from hotswap_ros.nodes import qos
from hotswap_ros.testing import FakeFleet


def values(message: DiagnosticArray) -> dict[str, str]:
    return {pair.key: pair.value for status in message.status for pair in status.values}


def test_old_rollouts_leave_the_journal_of_a_coordinator_that_works(make_site) -> None:
    site: Site = make_site()
    path = site.folder / 'journal.sqlite3'
    versions = ['v24', 'v25', 'v26']
    # Their rollouts were in 1970.
    older = FakeFleet(path, dict.fromkeys(['v23', *versions], 0.95), robots=2)
    for version in versions:
        older.finish(older.start(f'strategy: Direct\nmodelId: pick_policy\nversion: {version}\n'))
    older.run(2)
    kept = older.coordinator.history()[0].rollout_id
    older.kill_coordinator()
    site.run_fleet(2, speed=20.0)
    backup = site.folder / 'backup.sqlite3'
    site.run_coordinator(path, journal_keep_days=30.0, journal_backup=str(backup))
    told = site.world.listen(DiagnosticArray, '/diagnostics', qos.EVENT)
    found = values(told.wait_for(lambda m: 'journal MB' in values(m)))
    assert found['journal retention'] == '30 days'
    assert float(found['journal days']) > 0
    assert str(backup) in found['journal backup']
    with read_journal(backup) as whole:
        assert len(whole.history()) == len(versions), 'before they left the journal'
    archived = {folder.name for folder in (site.folder / 'archive').iterdir()}
    assert len(archived) == len(versions), 'before they left the journal'
    assert [r.rollout_id for r in site.ask(srv.ListRollouts, 'list_rollouts').rollouts] == [kept]
    result = site.roll_back(model_id='pick_policy', version='v24')
    assert result.error_code == result.NONE, result.error_msg
    assert len(site.ask(srv.ListRollouts, 'list_rollouts').rollouts) == 2
