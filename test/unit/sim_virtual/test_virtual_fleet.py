# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Virtual robots work, tell and fail as real ones do, and the real coordinator moves them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hotswap_ros.gates import intraclass
from hotswap_ros.models import VersionCounters
from hotswap_ros.plan import load_plan
from hotswap_ros.rollout import PauseReason, Status
from hotswap_ros.sim import Fault, FaultError
from hotswap_ros.sim.virtual import (
    FleetSpec,
    OutcomesError,
    VersionOutcomes,
    VirtualClock,
    VirtualFleet,
    VirtualSession,
    load_outcomes,
    plain,
)

_START = 1_767_600_000.0
_PLAN = (
    'modelId: pick_policy\nversion: v24\nstrategy: Canary\n'
    'stages: [{percentage: 50, tasks: 100}, {percentage: 100, tasks: 100}]\n'
)


@contextmanager
def session(
    truth: Sequence[VersionOutcomes], faults: Sequence[Fault] = (), seed: int = 1, **spec: Any
) -> Iterator[VirtualSession]:
    clock = VirtualClock(_START)
    given = {'robots': 4, 'task_s': 4.0, 'telemetry_s': 2.0, 'looks': 4, **spec}
    fleet = VirtualFleet(FleetSpec.model_validate(given), truth, clock, seed, faults)
    found = VirtualSession(fleet, clock)
    try:
        yield found
    finally:
        found.close()


def good() -> list[VersionOutcomes]:
    return [plain('v23', 0.9), plain('v24', 1.0)]


def bad() -> list[VersionOutcomes]:
    return [plain('v23', 0.95), plain('v24', 0.2)]


def roll_out(found: VirtualSession, plan: str = _PLAN, limit_s: float = 7200) -> Status | None:
    rollout_id = found.start(load_plan(plan))
    found.run(lambda: rollout_id in found.ended, limit_s)
    return found.ended.get(rollout_id)


def counters(found: VirtualSession, robot_id: str, version: str) -> VersionCounters:
    telemetry = found.coordinator._view.telemetry('pick_policy', robot_id)
    assert telemetry is not None
    return telemetry.versions[version]


def test_a_good_version_is_promoted_and_a_bad_one_rolled_back() -> None:
    with session(good()) as found:
        assert roll_out(found) is Status.SUCCEEDED
        assert set(found.fleet.served().values()) == {'v24'}
    with session(bad()) as found:
        assert roll_out(found) is Status.ROLLED_BACK
        assert set(found.fleet.served().values()) == {'v23'}
        assert not any(server.routing.candidate for server in found.fleet.servers)


def test_a_seed_is_a_rollout() -> None:
    def events(seed: int) -> list[tuple[float, str]]:
        with session(bad(), seed=seed) as found:
            roll_out(found)
            return [(event.time, event.text) for event in found.events]

    assert events(1) == events(1)
    assert events(1) != events(2)


def test_counters_add_up() -> None:
    failures = ({'cause': 'deadline', 'tasks': {'': 0.5}, 'requests': 2},)
    truth = [plain('v23', 0.9), plain('v24', 0.9, failures=failures)]
    with session(truth) as found:
        found.start(load_plan(f'{_PLAN}successCriteria: {{graveEvents: []}}\n'))
        found.run(lambda: False, 120)
        for robot_id in found.fleet.robot_ids:
            one = counters(found, robot_id, 'v23')
            assert one.tasks.started - one.tasks.finished in (0, 1)
            assert one.tasks.succeeded <= one.tasks.finished
            assert sum(one.latency) == one.requests > 0
        on_trial = [r for r in found.fleet.servers if r.routing.candidate]
        two = counters(found, on_trial[0].robot_id, 'v24')
        assert 0 < two.errors == sum(two.fallbacks.values()) < two.requests


def test_tasks_report_their_progress_and_duration() -> None:
    """Without progress of its own, a task counts as done or not."""
    partial = {'failure_progress': (0.2, 0.4), 'success_progress': (0.9,)}
    with session([plain('v23', 0.5, **partial), plain('v24', 0.9)]) as found:
        found.start(load_plan(_PLAN))
        found.run(lambda: False, 300)
        on_trial = next(r for r in found.fleet.servers if r.routing.candidate)
        one, two = (
            counters(found, on_trial.robot_id, version).tasks for version in ('v23', 'v24')
        )
    assert one.progress_reports == one.finished > one.succeeded > 0
    assert two.progress_reports == 0
    failed = one.finished - one.succeeded
    assert 200 * failed <= one.progress - 900 * one.succeeded <= 400 * failed
    assert two.progress == 1000 * two.succeeded
    assert 2.0 <= one.duration_ms / 1e3 / one.succeeded <= 6.0


def test_the_same_tasks_succeed_whether_or_not_they_report_progress() -> None:
    def succeeded(**progress: Any) -> int:
        with session([plain('v23', 0.5, **progress)]) as found:
            found.run(lambda: False, 200)
            robots = found.fleet.robot_ids
            return sum(counters(found, name, 'v23').tasks.succeeded for name in robots)

    assert succeeded() == succeeded(failure_progress=(0.2, 0.4), success_progress=(0.9,))


def test_rates_shares_and_correlation_are_those_that_were_given() -> None:
    truth = [
        plain(
            'v23',
            0.8,
            correlation=0.1,
            categories={
                'near': {'share': 3, 'success': 0.9},
                'far': {'share': 1, 'success': 0.5, 'stuck': 0.25},
            },
        )
    ]
    with session(truth, robots=400, task_s=1.0, telemetry_s=10.0) as found:
        found.run(lambda: False, 300)
        tasks = found.fleet.workload.counts.tasks[:, 0]
    near, far = tasks.sum(axis=0)
    assert near[1] / tasks[..., 1].sum() == pytest.approx(0.75, abs=0.01)
    assert near[2] / near[1] == pytest.approx(0.9, abs=0.02)
    assert far[2] / far[1] == pytest.approx(0.5, abs=0.03)
    assert far[3] / far[1] == pytest.approx(0.25, abs=0.03)
    each = [(int(won), int(n)) for won, n in zip(tasks[..., 2].sum(1), tasks[..., 1].sum(1))]
    assert intraclass(each) == pytest.approx(0.1, abs=0.03)


def test_robots_tell_at_times_of_their_own() -> None:
    with session(good(), robots=40, telemetry_s=10.0, looks=10) as found:
        heard: list[tuple[str, float]] = []
        found.fleet._listener = Heard(heard)
        found.run(lambda: False, 10)
    assert len({moment for _, moment in heard}) >= 9
    assert Counter(robot_id for robot_id, _ in heard).most_common(1)[0][1] == 1


class Heard:
    def __init__(self, heard: list[tuple[str, float]]) -> None:
        self.heard = heard

    def on_report(self, report: Any, now: float, clock: float) -> None:
        self.heard.append((report.robot_id, now))

    def on_telemetry(self, *_: object) -> None:
        pass

    def on_refused(self, *_: object) -> None:
        pass


# -- faults ---------------------------------------------------------------------------------------


def fault(kind: str, at_s: float, **given: Any) -> Fault:
    return Fault.model_validate({'fault': kind, 'at_s': at_s, **given})


def test_a_robot_without_power_is_waited_for_and_nobody_is_blamed() -> None:
    off = fault('power_off', 30, robots=['robot_*'], duration_s=60)
    with session(good(), [off]) as found:
        rollout_id = found.start(load_plan(_PLAN))
        assert found.run(lambda: pause(found) is PauseReason.UNREACHABLE, 60)
        found.run(lambda: rollout_id in found.ended, 7200)
        assert found.ended[rollout_id] is Status.SUCCEEDED
        assert {server.boot_id[-1] for server in found.fleet.servers} == {'2'}


def pause(found: VirtualSession) -> PauseReason:
    snapshot = found.snapshot()
    return PauseReason.NONE if snapshot is None else snapshot.state.pause_reason


def test_a_robot_that_is_cut_off_returns_to_stable_by_itself() -> None:
    cut = fault('partition', 30, duration_s=60)
    with session(good(), [cut]) as found:
        found.start(load_plan(_PLAN))
        found.run(lambda: False, 30)
        on_trial = [s for s in found.fleet.servers if s.routing.candidate]
        assert on_trial
        found.run(lambda: False, 25)
        assert not any(s.routing.candidate for s in found.fleet.servers)
        found.run(lambda: False, 60)
        assert all(s.routing.candidate for s in on_trial)


def test_a_robot_comes_back_with_what_it_served() -> None:
    with session(good(), [fault('kill', 200, robots=['robot_01'])]) as found:
        assert roll_out(found) is Status.SUCCEEDED
        found.run(lambda: False, 300)
        server = found.fleet.servers[0]
        assert (server.boot_id, server.routing.stable) == ('robot_01/2', 'v24')
        assert counters(found, 'robot_01', 'v24').tasks.finished < 200


def test_a_routing_that_waits_survives_a_power_cut() -> None:
    with session(good()) as found:
        server = found.fleet.servers[0]
        server.load('v24')
        found.run(lambda: False, 5)
        swaps_at = found.clock.now + 60
        waiting = type(server.routing)('pick_policy', 'v24', generation=1, activate_at=swaps_at)
        server.route(waiting)
        server.stop()
        server.start()
        assert (server.routing.stable, server.pending) == ('v23', waiting)
        found.run(lambda: False, 61)
        assert (server.routing.stable, server.pending) == ('v24', None)


def test_nothing_is_staged_on_a_full_disk() -> None:
    with session(good(), [fault('full_disk', 0, robots=['robot_0[12]'])]) as found:
        assert roll_out(found) is Status.FAILED
        assert 'no space left' in found.events[-1].text


def test_a_clock_that_is_ahead_swaps_early() -> None:
    ahead = fault('clock_jump', 0, robots=['robot_01'], magnitude=50)
    with session(good(), [ahead]) as found:
        server, other = found.fleet.servers[:2]
        found.run(lambda: False, 1)
        for one in (server, other):
            one.load('v24')
        found.run(lambda: False, 5)
        for one in (server, other):
            later = found.clock.now + 60
            one.route(type(one.routing)('pick_policy', 'v24', generation=1, activate_at=later))
        found.run(lambda: False, 15)
        assert (server.routing.stable, other.routing.stable) == ('v24', 'v23')
        found.run(lambda: False, 50)
        assert other.routing.stable == 'v24'


def test_late_and_lost_messages_change_no_verdict() -> None:
    for truth, status in ((good(), Status.SUCCEEDED), (bad(), Status.ROLLED_BACK)):
        with session(truth, message_loss=0.2, message_delay_s=1.0, robots=8) as found:
            assert roll_out(found) is status


def test_a_slow_network_is_waited_for() -> None:
    with session(good(), [fault('slow_network', 5, magnitude=3)]) as found:
        assert roll_out(found) is Status.SUCCEEDED


def test_a_failing_version_is_taken_out_by_the_robot_itself() -> None:
    failing = ({'cause': 'not_finite', 'tasks': {'': 0.05}, 'requests': 9, 'breaks': 1.0},)
    with session([plain('v23', 0.9), plain('v24', 0.9, failures=failing)]) as found:
        assert roll_out(found) is Status.ROLLED_BACK
        assert any('stopped v24 by itself' in event.text for event in found.events)
        assert found.events[-1].text == 'most likely: Its decisions contain NaN or infinity'
        assert any('not finite' in event.text for event in found.events)


@pytest.mark.parametrize(
    ('cause', 'end'),
    [('busy_computer', Status.SUCCEEDED), ('deadline', Status.ROLLED_BACK)],
)
def test_a_busy_computer_is_not_held_against_a_version_and_a_slow_one_is(
    cause: str, end: Status
) -> None:
    late = ({'cause': cause, 'tasks': {'': 0.3}, 'requests': 3},)
    with session([plain('v23', 0.9), plain('v24', 1.0, failures=late)]) as found:
        assert roll_out(found) is end
        view = found.coordinator._view
        heard = [view.telemetry('pick_policy', robot_id) for robot_id in found.fleet.served()]
        counts = [one.versions['v24'] for one in heard if one and 'v24' in one.versions]
        assert sum(count.fallbacks.get(cause, 0) for count in counts) > 0
        assert (sum(count.errors for count in counts) > 0) == (cause == 'deadline')


def test_a_version_that_no_robot_can_load_serves_nowhere() -> None:
    with session([plain('v23', 0.9), plain('v24', 0.9, refused='its outputs differ')]) as found:
        assert roll_out(found) is Status.FAILED
        assert 'its outputs differ' in found.events[-1].text


def test_a_shadow_is_compared_task_by_task() -> None:
    plan = (
        'modelId: pick_policy\nversion: v24\nstrategy: Shadow\ntasks: 400\n'
        'successCriteria: {minShadowAgreement: 0.9}\n'
    )
    for agreement, verdict in (((1.0,), 'deploy'), ((0.0, 0.4), 'retrain')):
        truth = [plain('v23', 0.9), plain('v24', 0.9, agreement=agreement)]
        with session(truth, robots=40) as found:
            roll_out(found, plan)
            snapshot = found.snapshot()
            assert snapshot is not None
            assert snapshot.state.conclusions[-1].verdict == verdict


def test_sensor_drift_needs_physics() -> None:
    with (
        pytest.raises(FaultError, match='needs physics'),
        session(good(), [fault('sensor_drift', 0)]),
    ):
        pass


def test_a_region_may_have_tasks_of_its_own() -> None:
    categories = {'near': {'success': 1.0}, 'heavy': {'success': 0.0}}
    truth = [plain('v23', 0.5, categories=categories)]
    regions = {'aisle': {'robots': 3}, 'store': {'robots': 3, 'categories': {'heavy': 1}}}
    with session(truth, robots=0, regions=regions) as found:
        found.run(lambda: False, 200)
        done = found.fleet.workload.counts.tasks[:, 0, :, 1]
    assert done[:3].min() > 0
    assert not done[3:, 0].any()


# -- figures --------------------------------------------------------------------------------------


def test_outcomes_say_what_is_wrong_with_them(tmp_path: Path) -> None:
    (tmp_path / 'v23.json').write_text('{"version": "v23"}')
    with pytest.raises(OutcomesError, match='origin'):
        load_outcomes(tmp_path, ['v23'])
    with pytest.raises(OutcomesError, match=r"no outcomes of version 'v99' \(known: v23\)"):
        load_outcomes(tmp_path, ['v99'])
    with pytest.raises(ValueError, match='a stuck task did not succeed'):
        plain('v1', 0.9, categories={'': {'success': 0.9, 'stuck': 0.2}})
    with pytest.raises(ValueError, match='22 shares that add up to 1'):
        plain('v1', 0.9, latency=(0.5, 0.4))


def test_a_fleet_has_robots_once() -> None:
    with pytest.raises(ValueError, match="'robots' and 'regions'"):
        FleetSpec.model_validate({'robots': 3, 'regions': {'north': {'robots': 2}}})
    region = {'north': {'robots': 2, 'categories': {'huge': 1}}}
    with (
        pytest.raises(ValueError, match="region 'north' names huge"),
        session(good(), robots=0, regions=region),
    ):
        pass


def test_labels_are_dealt_out_within_each_region() -> None:
    regions = {'north': {'robots': 3}, 'south': {'robots': 2}}
    labels = ('gripper=jaw,floor=1', 'gripper=cup')
    with session(good(), robots=0, regions=regions, labels=labels) as found:
        reports = found.coordinator.reports('pick_policy').values()
        jaw, cup = ('gripper=jaw', 'floor=1'), ('gripper=cup',)
        assert [(one.region, one.labels) for one in reports] == [
            ('north', jaw),
            ('north', cup),
            ('north', jaw),
            ('south', jaw),
            ('south', cup),
        ]


def test_quantiles_are_drawn_from() -> None:
    truth = [plain('v23', 1.0, success_s=(1.0, 3.0))]
    with session(truth, robots=50, task_s=None) as found:
        found.run(lambda: False, 200)
        done = found.fleet.workload.counts.tasks[:, 0, 0, 1]
    assert np.mean(done) == pytest.approx(100, rel=0.05)
    assert load_plan(_PLAN).version == 'v24'
