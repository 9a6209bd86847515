# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Desired against reported: which commands are missing, and when they are said again."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from hotswap_ros.fleet import LoadVersion, RobotReport, Route, UnloadVersion, VersionReport
from hotswap_ros.fleet.commands import missing_commands
from hotswap_ros.fleet.desired import Desired
from hotswap_ros.fleet.desired_fleet import DesiredFleet
from hotswap_ros.fleet.reports import BreakerReport
from hotswap_ros.fleet.view import FleetView
from hotswap_ros.models import Routing, VersionState
from hotswap_ros.sim.virtual.clock import VirtualClock
from hotswap_ros.sim.virtual.library import Library
from hotswap_ros.sim.virtual.outcomes import plain
from hotswap_ros.testing import FakeRobot

MODEL = 'pick_policy'
KEY = (MODEL, 'r1')
SERVER = '/r1/model_server'


def report(stable='v23', versions=('v23',), states=None, limit=2, **routing):
    ready = dict.fromkeys(versions, VersionState.READY) | (states or {})
    return RobotReport(
        robot_id='r1',
        server=SERVER,
        model_id=MODEL,
        boot_id='boot',
        routing=Routing(MODEL, stable, **routing),
        versions={version: VersionReport(state) for version, state in ready.items()},
        resident_limit=limit,
    )


def desired(stable='v23', resident=None, previous='', **routing):
    entry = Routing(MODEL, stable, **routing)
    return Desired('r1', entry, resident or entry.versions, previous)


TRIAL = {'candidate': 'v24', 'candidate_share': 0.5, 'salt': 'rollout-1', 'lease_s': 10.0}


@pytest.fixture
def view():
    return FleetView(started=0.0, unreachable_after_s=5.0)


@pytest.fixture
def fleet():
    return DesiredFleet(retry_after_s=1.0, load_retry_after_s=60.0)


def hear(view, robot, now=0.0):
    view.on_report(robot, now)


def kinds(commands):
    return [type(command) for command in commands]


# -- what is missing ------------------------------------------------------------------------------


def test_nothing_is_missing_where_they_agree(fleet, view):
    hear(view, report())
    fleet.set_desired([desired()], view, 0.0)
    assert fleet.commands(view, 0.0) == []


def test_a_robot_without_a_desired_routing_gets_no_command(fleet, view):
    hear(view, report())
    assert fleet.commands(view, 0.0) == []
    assert fleet.get(*KEY) is None


def test_a_version_is_loaded_before_it_is_routed_to(fleet, view):
    hear(view, report())
    fleet.set_desired([desired(**TRIAL)], view, 0.0)
    assert fleet.commands(view, 0.0) == [LoadVersion('r1', SERVER, MODEL, 'v24')]
    hear(view, report(versions=('v23', 'v24')), 1.0)
    (route,) = fleet.commands(view, 1.0)
    assert route == Route('r1', SERVER, fleet.get(*KEY).routing)
    assert route.routing.candidate == 'v24'


@pytest.mark.parametrize('state', [s for s in VersionState if s.is_resident])
def test_what_is_on_its_way_is_not_asked_for_again(fleet, view, state):
    hear(view, report(states={'v24': state}))
    fleet.set_desired([desired(resident=('v23', 'v24'))], view, 0.0)
    assert fleet.commands(view, 0.0) == []


@pytest.mark.parametrize('state', [s for s in VersionState if not s.is_resident])
def test_what_failed_or_was_released_is_asked_for(fleet, view, state):
    hear(view, report(states={'v24': state}))
    fleet.set_desired([desired(resident=('v23', 'v24'))], view, 0.0)
    assert fleet.commands(view, 0.0) == [LoadVersion('r1', SERVER, MODEL, 'v24')]


def test_an_idle_version_makes_room(fleet, view):
    hear(view, report(versions=('v22', 'v23')))
    fleet.set_desired([desired(**TRIAL)], view, 0.0)
    assert fleet.commands(view, 0.0) == [UnloadVersion('r1', SERVER, MODEL, 'v22')]


def test_a_candidate_makes_room_when_no_version_is_idle(fleet, view):
    trial = {**TRIAL, 'generation': 7}
    hear(view, report(versions=('v23', 'v24'), **trial))
    fleet.set_desired([desired('v22')], view, 0.0)
    (route,) = fleet.commands(view, 0.0)
    assert (route.routing.stable, route.routing.candidate) == ('v23', '')
    assert route.routing.candidate_share == 0.0
    assert route.routing.generation > 7


def test_a_shadow_makes_room_when_no_version_is_idle(fleet, view):
    hear(view, report(versions=('v23', 'v24'), shadow='v24', generation=7))
    fleet.set_desired([desired('v22')], view, 0.0)
    (route,) = fleet.commands(view, 0.0)
    assert route.routing.versions == ('v23',)
    assert route.routing.generation > 7


def test_a_retired_version_is_released_once_nothing_serves_it(fleet, view):
    fleet.set_desired([replace(desired('v24'), retired=('v23',))], view, 0.0)
    hear(view, report('v23', versions=('v23', 'v24')))
    assert kinds(fleet.commands(view, 0.0)) == [Route]
    hear(view, report('v24', versions=('v23', 'v24'), generation=1), 1.0)
    retire = UnloadVersion('r1', SERVER, MODEL, 'v23', delete_files=True)
    assert fleet.commands(view, 1.0) == [retire]
    hear(view, report('v24', versions=('v24',), generation=1), 2.0)
    assert fleet.commands(view, 2.0) == []


def test_a_robot_that_woke_up_with_another_version_gets_to_its_trial(fleet, view):
    # It should serve v24 and try v25, has room for two, and its parameters say v23.
    trial = {**TRIAL, 'candidate': 'v25'}
    fleet.set_desired([desired('v24', **trial)], view, 0.0)
    hear(view, report('v23'))
    assert fleet.commands(view, 0.0) == [LoadVersion('r1', SERVER, MODEL, 'v24')]
    hear(view, report('v23', versions=('v23', 'v24')), 1.0)
    (route,) = fleet.commands(view, 1.0)
    assert route.routing.versions == ('v24',)
    hear(view, report('v24', versions=('v23', 'v24'), generation=route.routing.generation), 2.0)
    fleet.outbid(view, 0.0)
    assert fleet.commands(view, 2.0) == [UnloadVersion('r1', SERVER, MODEL, 'v23')]
    hear(view, report('v24', versions=('v24',), generation=route.routing.generation), 3.0)
    assert fleet.commands(view, 3.0) == [LoadVersion('r1', SERVER, MODEL, 'v25')]


def test_what_is_served_takes_a_place_before_what_is_kept(fleet, view):
    fleet.set_desired([desired('v24', resident=('v23', 'v24'))], view, 0.0)
    hear(view, report('v22', versions=('v22', 'v23')))
    assert fleet.commands(view, 0.0) == [UnloadVersion('r1', SERVER, MODEL, 'v23')]


def test_where_there_is_no_room_to_make_nothing_is_asked(fleet, view):
    hear(view, report(limit=1))
    fleet.set_desired([desired('v24')], view, 0.0)
    assert fleet.commands(view, 0.0) == []


def test_a_desired_version_is_not_unloaded_for_another(fleet, view):
    hear(view, report(versions=('v23', 'v24')))
    fleet.set_desired([desired('v24', resident=('v23', 'v24'))], view, 0.0)
    assert kinds(fleet.commands(view, 0.0)) == [Route]


def test_other_versions_stay_until_their_place_is_needed(fleet, view):
    hear(view, report(versions=('v22', 'v23')))
    fleet.set_desired([desired()], view, 0.0)
    assert fleet.commands(view, 0.0) == []


def test_a_robot_that_was_never_heard_gets_no_command(fleet, view):
    fleet.set_desired([desired()], view, 0.0)
    assert fleet.commands(view, 0.0) == []


def test_an_unreachable_robot_gets_no_command_until_it_is_reachable(fleet, view):
    hear(view, report(), 0.0)
    fleet.set_desired([desired('v24')], view, 0.0)
    assert fleet.commands(view, 6.0) == []
    hear(view, report(), 100.0)
    assert kinds(fleet.commands(view, 100.0)) == [LoadVersion]


# -- saying it again ------------------------------------------------------------------------------


def test_a_routing_is_repeated_until_the_robot_reports_it(fleet, view):
    hear(view, report(versions=('v23', 'v24')))
    fleet.set_desired([desired('v24')], view, 0.0)
    sent = [now / 10 for now in range(35) if fleet.commands(view, now / 10)]
    assert sent == [0.0, 1.0, 2.0, 3.0]
    hear(view, report('v24', versions=('v23', 'v24'), generation=1), 3.5)
    assert fleet.commands(view, 4.5) == []


def test_loading_is_given_its_time(fleet, view):
    hear(view, report())
    fleet.set_desired([desired('v24')], view, 0.0)
    sent = []
    for now in range(130):
        hear(view, report(), now)
        sent += [now] * len(fleet.commands(view, now))
    assert sent == [0, 60, 120]


@pytest.mark.parametrize(('for_good', 'wait'), [(False, 1.0), (True, 60.0)])
def test_a_refusal_is_asked_again_later(fleet, view, for_good, wait):
    hear(view, report())
    fleet.set_desired([desired('v24')], view, 0.0)
    (load,) = fleet.commands(view, 0.0)
    fleet.refused(load, 3.0, for_good=for_good)
    hear(view, report(), 2.5 + wait)
    assert fleet.commands(view, 2.9 + wait) == []
    assert fleet.commands(view, 3.0 + wait) == [load]


def test_what_was_not_sent_is_due_at_once(fleet, view):
    hear(view, report())
    fleet.set_desired([desired('v24')], view, 0.0)
    (load,) = fleet.commands(view, 0.0)
    fleet.unsent(load)
    assert fleet.commands(view, 0.0) == [load]


def test_a_new_desired_routing_does_not_wait_for_the_old_one(fleet, view):
    hear(view, report(versions=('v23', 'v24')))
    fleet.set_desired([desired('v24')], view, 0.0)
    (first,) = fleet.commands(view, 0.0)
    fleet.set_desired([desired('v23', **TRIAL)], view, 0.0)
    (second,) = fleet.commands(view, 0.1)
    assert second.routing.candidate == 'v24'
    assert second.routing.generation > first.routing.generation


def test_commands_have_the_order_of_the_desired_routings(fleet, view):
    """A set of names has another order in every process, and a seed would say nothing."""
    names = [f'robot_{number:02}' for number in range(30, 0, -1)]
    for name in sorted(names):
        here = replace(report(versions=('v23', 'v24')), robot_id=name, server=f'/{name}/server')
        hear(view, here)
    fleet.set_desired([replace(desired('v24'), robot_id=name) for name in names], view, 0.0)
    assert [command.robot_id for command in fleet.commands(view, 0.0)] == names


# -- generations ----------------------------------------------------------------------------------


def test_the_same_desired_routing_again_changes_nothing(fleet, view):
    hear(view, report(generation=4))
    (first,) = fleet.set_desired([desired('v24')], view, 0.0)
    assert first.routing.generation == 5
    assert fleet.set_desired([desired('v24', generation=99)], view, 0.0) == []
    assert fleet.get(*KEY) == first


def test_a_robot_that_returned_to_stable_by_itself_is_outbid(fleet, view):
    hear(view, report(versions=('v23', 'v24')))
    (trial,) = fleet.set_desired([desired(**TRIAL)], view, 0.0)
    generation = trial.routing.generation
    # Its lease ended: without the candidate, under the generation that it was given.
    hear(view, report(versions=('v23', 'v24'), generation=generation, salt='rollout-1'))
    (outbid,) = fleet.outbid(view, 0.0)
    assert outbid.routing == replace(trial.routing, generation=generation + 1)
    assert fleet.outbid(view, 0.0) == []


def test_a_robot_that_has_not_heard_yet_is_not_outbid(fleet, view):
    hear(view, report(generation=4))
    fleet.set_desired([desired('v24')], view, 0.0)
    assert fleet.outbid(view, 0.0) == []
    hear(view, report(generation=4), 1.0)
    assert fleet.outbid(view, 0.0) == []


def test_a_robot_that_got_another_routing_is_outbid(fleet, view):
    hear(view, report())
    fleet.set_desired([desired()], view, 0.0)
    hear(view, report('v99', versions=('v23', 'v99'), generation=40))
    (entry,) = fleet.outbid(view, 0.0)
    assert (entry.routing.stable, entry.routing.generation) == ('v23', 41)
    assert kinds(fleet.commands(view, 0.0)) == [Route]


def test_a_robot_that_lost_its_memory_is_told_again(fleet, view):
    hear(view, report('v24', versions=('v23', 'v24'), generation=7))
    fleet.set_desired([desired('v24')], view, 0.0)
    hear(view, report('v23', versions=('v23',), generation=0), 1.0)
    assert kinds(fleet.commands(view, 1.0)) == [LoadVersion]
    hear(view, report('v23', versions=('v23', 'v24'), generation=0), 2.0)
    (route,) = fleet.commands(view, 2.0)
    assert route.routing.generation > 0


def test_an_instant_that_has_come_is_none_after_the_clock_was_set_back(fleet, view):
    hear(view, report(versions=('v23', 'v24')), now=9_090.0)
    fleet.set_desired([desired('v24', activate_at=9_100.0)], view, now=9_090.0)
    swapped = report('v24', versions=('v23', 'v24'), generation=1)
    hear(view, swapped, now=9_101.0)
    (kept,) = fleet.outbid(view, now=9_101.0)
    assert (kept.routing.activate_at, kept.routing.generation) == (0.0, 1)

    later, view = DesiredFleet([kept]), FleetView(started=5_500.0, unreachable_after_s=5.0)
    hear(view, report(versions=('v23', 'v24'), generation=2), now=5_500.0)
    later.outbid(view, now=5_500.0)
    (command,) = later.commands(view, now=5_500.0)
    assert (command.routing.stable, command.routing.activate_at) == ('v24', 0.0)


def test_a_desired_routing_survives_the_journal():
    entry = desired('v23', resident=('v23', 'v24'), previous='v22', generation=9, **TRIAL)
    kept = TypeAdapter(Desired)
    assert kept.validate_json(kept.dump_json(entry)) == entry
    view = FleetView(0.0)
    hear(view, report())
    fleet = DesiredFleet([entry])
    assert fleet.get(*KEY) == entry
    assert kinds(fleet.commands(view, 0.0)) == [LoadVersion]


VERSIONS = ['v1', 'v2', 'v3']
routings = st.builds(
    lambda stable, candidate, share: {
        'stable': stable,
        'candidate': candidate if candidate != stable else '',
        'candidate_share': share if candidate not in ('', stable) else 0.0,
    },
    st.sampled_from(VERSIONS),
    st.sampled_from(['', *VERSIONS]),
    st.sampled_from([0.5, 0.9]),
)


@settings(max_examples=100, derandomize=True)
@given(st.lists(routings, min_size=1, max_size=6), st.integers(0, 50), st.integers(2, 3))
def test_a_robot_that_obeys_gets_to_the_last_desired_routing(entries, generation, limit):
    view, fleet, clock = FleetView(0.0), DesiredFleet(), VirtualClock(0.0)
    library = Library.of(MODEL, [plain(version, 1.0, load_s=0.0) for version in VERSIONS])
    robot = FakeRobot('r1', library, clock, 'v1', {})
    robot.resident_limit = limit
    robot.serve(Routing(MODEL, 'v1', generation=generation))
    told = [generation]
    for entry in entries:
        fleet.set_desired([desired(**entry)], view, 0.0)
        for _ in range(8):
            clock.pass_until(clock.now + 2.0)
            hear(view, robot.report, clock.now)
            fleet.outbid(view, 0.0)
            for command in fleet.commands(view, clock.now):
                assert robot.obey(command) is None
                told += [command.routing.generation] if isinstance(command, Route) else []
    assert told == sorted(set(told)), 'every new routing has a higher generation'
    last = fleet.get(*KEY).routing
    assert robot.routing == replace(last, generation=robot.routing.generation)
    assert fleet.commands(view, clock.now + 100) == []


def test_a_robot_that_fell_back_from_stable_by_itself_is_not_told_again(view):
    entry = desired('v24', generation=2)
    fell_back = report('v23', ('v23', 'v24'), generation=2)
    hear(view, fell_back)
    assert [type(command) for command in missing_commands(entry, view)] == [Route]
    breaker = BreakerReport('v24', 'crash', 0)
    hear(view, replace(fell_back, breaker=breaker), 1.0)
    assert missing_commands(entry, view) == []
