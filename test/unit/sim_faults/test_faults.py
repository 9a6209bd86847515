# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Schedules of faults: robot, kind and time."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotswap_ros.sim import Fault, FaultBook, FaultError, FaultKind
from hotswap_ros.sim.faults.faults import Conditions, UnknownRobotError, load_faults

ROBOTS = ('r1', 'r2', 'r3')


def fault(kind, **fields):
    return Fault(fault=kind, **fields)


def book(*faults, **options):
    return FaultBook(ROBOTS, faults, **options)


# -- one fault ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('kind', 'expected'),
    [
        ('power_off', Conditions(powered=False)),
        ('reboot', Conditions(rebooting=True)),
        ('partition', Conditions(partitioned=True)),
        ('slow_network', Conditions(delay_s=0.5)),
        ('full_disk', Conditions(disk_full=True)),
        ('clock_jump', Conditions(clock_shift_s=3600.0)),
        ('sensor_drift', Conditions(camera_drift_m=0.006)),
        ('duplicate_id', Conditions(duplicated=True)),
    ],
)
def test_a_fault_begins_and_ends_at_its_time(kind, expected):
    faults = book(fault(kind, at_s=10, robots=['r2'], duration_s=5))
    assert faults.tick(9.9) == {}
    assert faults.tick(10.0) == {'r2': expected}
    assert faults.tick(14.9) == {}
    assert faults.conditions('r2') == expected
    assert faults.tick(15.0) == {'r2': Conditions()}


def test_a_fault_without_a_duration_lasts_until_it_is_cleared():
    faults = book(fault('partition'))
    assert set(faults.tick(0.0)) == set(ROBOTS)
    assert faults.tick(1e9) == {}
    faults.inject(fault('clear', robots=['r1']), 1e9)
    assert faults.tick(1e9) == {'r1': Conditions()}
    assert faults.conditions('r2').partitioned


def test_a_reboot_ends_by_itself():
    faults = book(fault('reboot', robots=['r1']))
    assert faults.tick(0.0)['r1'].rebooting
    assert faults.tick(2.0) == {'r1': Conditions()}


def test_a_kill_is_counted_where_robots_have_processes():
    faults = book(can_kill=True)
    faults.inject(fault('kill'), 1.0)
    assert faults.tick(1.0)['r3'].kills == 1
    faults.inject(fault('kill', robots=['r3']), 2.0)
    faults.inject(fault('clear', robots=['r3']), 3.0)
    assert faults.tick(3.0) == {'r3': Conditions(kills=2)}


@pytest.mark.parametrize('at', [0.0, 7.0])
def test_a_kill_is_refused_where_robots_share_a_process(at):
    with pytest.raises(FaultError, match="use 'power_off', or start the robot with sim_robot"):
        book(fault('kill', at_s=at))


# -- several --------------------------------------------------------------------------------------


def test_faults_of_several_kinds_are_independent():
    faults = book(
        fault('partition', at_s=1, duration_s=10, robots=['r1']),
        fault('full_disk', at_s=2, duration_s=2, robots=['r1']),
    )
    assert faults.tick(2.0) == {'r1': Conditions(partitioned=True, disk_full=True)}
    assert faults.tick(5.0) == {'r1': Conditions(partitioned=True)}
    assert faults.tick(11.0) == {'r1': Conditions()}


def test_a_second_fault_of_a_kind_takes_the_place_of_the_first():
    faults = book(
        fault('slow_network', at_s=0, duration_s=10, magnitude=1),
        fault('slow_network', at_s=8, duration_s=10, magnitude=3),
    )
    assert faults.tick(0.0)['r1'].delay_s == 1.0
    assert faults.tick(8.0)['r1'].delay_s == 3.0
    assert faults.tick(10.0) == {}
    assert faults.tick(18.0)['r1'] == Conditions()


def test_what_began_and_ended_between_two_looks_is_no_change():
    faults = book(fault('partition', at_s=1, duration_s=1))
    assert faults.tick(5.0) == {}
    assert faults.tick(6.0) == {}


def test_a_fault_for_later_may_be_told_at_any_time():
    faults = book()
    assert faults.inject(fault('partition', at_s=3, robots=['r2']), 100.0) == ('r2',)
    assert faults.tick(102.9) == {}
    assert set(faults.tick(103.0)) == {'r2'}


def test_patterns_name_robots():
    faults = FaultBook(['a_01', 'a_02', 'b_01'])
    assert faults.inject(fault('partition', robots=['a_*']), 0.0) == ('a_01', 'a_02')
    assert faults.inject(fault('partition', robots=['?_01']), 0.0) == ('a_01', 'b_01')


@pytest.mark.parametrize('robots', [['r9'], ['r1', 'r9'], ['x*']])
def test_a_robot_that_is_not_there_is_named(robots):
    with pytest.raises(UnknownRobotError, match=rf"'{robots[-1][0]}.*is not simulated here: name"):
        book(fault('partition', robots=robots))


_KINDS = [kind for kind in FaultKind if kind is not FaultKind.KILL]
_FAULTS = st.builds(
    Fault,
    fault=st.sampled_from([kind for kind in _KINDS if kind is not FaultKind.CLEAR]),
    at_s=st.floats(0, 100),
    duration_s=st.floats(0, 100),
    robots=st.sets(st.sampled_from(ROBOTS)).map(tuple),
)


@given(st.lists(_FAULTS, max_size=12), st.lists(st.floats(0, 250), max_size=20))
def test_how_often_one_looks_changes_nothing(faults, looks):
    often, once = book(*faults), book(*faults)
    for look in sorted(looks):
        often.tick(look)
    often.tick(250.0)
    once.tick(250.0)
    assert [often.conditions(r) for r in ROBOTS] == [once.conditions(r) for r in ROBOTS]


@given(st.lists(_FAULTS, max_size=12))
def test_clearing_ends_everything(faults):
    everything = book(*faults)
    everything.tick(150.0)
    everything.inject(fault('clear'), 150.0)
    everything.tick(150.0)
    assert {everything.conditions(r) for r in ROBOTS} == {Conditions()}
    assert everything.tick(1e9) == {}


# -- files ----------------------------------------------------------------------------------------


def load(tmp_path, text):
    path = tmp_path / 'faults.yaml'
    path.write_text(text)
    return load_faults(path)


def test_a_schedule_is_a_list_in_yaml(tmp_path):
    found = load(
        tmp_path,
        '- {at_s: 30, fault: power_off, robots: [robot_01, robot_02], duration_s: 10}\n'
        '- {at_s: 5, fault: slow_network, magnitude: 2}\n',
    )
    assert found == (
        Fault(at_s=30, fault='power_off', robots=('robot_01', 'robot_02'), duration_s=10),
        Fault(at_s=5, fault='slow_network', magnitude=2),
    )


@pytest.mark.parametrize(
    ('text', 'complaint'),
    [
        ('- {fault: power_of}', '0.fault: must be one of .*power_off.*found .power_of.'),
        ('- {at_s: 3}', '0.fault: is missing: add it'),
        ('- {fault: reboot}\n- {fault: reboot, at_s: -1}', '1.at_s: .*greater than or equal to 0'),
        ('- {fault: reboot, robot: [r1]}', "unknown key 'robot': did you mean 'robots'"),
        ('- {fault: reboot, magnitude: 2}', '0: magnitude is 2, but reboot has none: remove it'),
        ('- {fault: sensor_drift, magnitude: 5}', 'sensor_drift takes -0.1 to 0.1 m'),
        ('- {fault: kill, duration_s: 5}', 'duration_s is 5, but kill has no duration: remove it'),
        ('- {fault: reboot, robots: r1}', "robots: must be a list: begin each entry with '-'"),
        ('fault: reboot', "must be a list: begin each entry with '-'"),
        ('- {fault: [', 'is not YAML or JSON'),
    ],
)
def test_a_file_that_is_wrong_says_where_and_what_to_do(tmp_path, text, complaint):
    with pytest.raises(FaultError, match=complaint) as caught:
        load(tmp_path, text)
    assert str(tmp_path / 'faults.yaml') in str(caught.value)


def test_the_schedule_that_comes_with_the_package_fits_twenty_robots():
    path = Path(__file__).resolve().parents[3] / 'config' / 'faults' / 'bad_day.yaml'
    faults = FaultBook([f'robot_{number:02}' for number in range(1, 21)], load_faults(path))
    assert len(faults.tick(35.0)) == 10 + 1 + 2 + 1
    faults.tick(200.0)
    assert {faults.conditions(f'robot_{n:02}') for n in range(1, 21)} == {Conditions()}


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FaultError, match=r'none\.yaml cannot be read: No such file'):
        load_faults(tmp_path / 'none.yaml')
