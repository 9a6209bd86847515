# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The executables as processes: how they end, and what they say when they cannot begin."""

import os
import signal
import time
from pathlib import Path

import pytest
from _world import Program, wait_until

from hotswap_ros import msg
from hotswap_ros.nodes import qos

STOP_S = 2.0
CONTRACT = Path(__file__).parents[2] / 'config' / 'contracts' / 'arm.yaml'


def stop_deadline_s():
    """Return two seconds, and more on a machine that has more to do than it has processors."""
    return STOP_S * max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))


@pytest.fixture
def run(world, tmp_path):
    """Return what starts an executable; whatever a failing test leaves behind is killed."""
    programs = []

    def start(name, **parameters):
        programs.append(Program(name, tmp_path, world.domain, **parameters))
        return programs[-1]

    yield start
    for program in programs:
        if program.is_running:
            program.kill()


def run_and_wait(run, name, world, policies, tmp_path):
    """Start an executable and wait until it does its work."""
    if name == 'fleet_coordinator':
        heard = world.listen(msg.RolloutStatus, f'/{name}/rollout_status', qos.STATE)
        program = run(name, journal=str(tmp_path / 'journal.sqlite3'))
        heard.wait_for(lambda m: True)
        return program
    heard = world.listen(msg.RobotStatus, '/fleet/status', qos.EVENT)
    where = {'model_repository': str(policies), 'stable_version': 'v23'}
    if name == 'sim_fleet':
        program = run(name, robots=2, speed=20.0, **where)
    elif name == 'sim_robot':
        program = run(name, speed=20.0, **where)
    else:
        contract = {'contract': str(CONTRACT)} if name == 'policy_runner' else {}
        program = run(name, robot_id='r1', model_id='pick_policy', **contract, **where)
    heard.wait_for(lambda m: m.health == m.HEALTH_OK)
    return program


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    'name', ['fleet_coordinator', 'model_server', 'policy_runner', 'sim_fleet', 'sim_robot']
)
def test_a_signal_ends_it_well_and_soon(run, world, policies, tmp_path, name, number):
    program = run_and_wait(run, name, world, policies, tmp_path)
    sent = time.monotonic()
    program.stop(number)
    took = time.monotonic() - sent
    assert took <= stop_deadline_s()


def test_a_second_signal_changes_nothing(run, world, policies, tmp_path):
    program = run_and_wait(run, 'sim_fleet', world, policies, tmp_path)
    program.send(signal.SIGINT)
    program.stop(signal.SIGTERM)


def complaint(program):
    """Return the one line that a program ends with."""
    assert program.wait() != 0
    assert 'Traceback' not in program.log, program.log
    lines = program.log.strip().splitlines()
    assert len(lines) == 1, program.log
    return lines[0]


@pytest.mark.parametrize('journal', ['/proc/no/journal.sqlite3', '/'])
def test_a_journal_that_cannot_be_written_is_named(run, journal):
    line = complaint(run('fleet_coordinator', journal=journal))
    assert line.startswith(f'fleet_coordinator: journal {journal}: ')
    assert 'check that the disk has room and that the file belongs to this user' in line


def test_a_file_that_is_no_journal_is_left_alone(run, tmp_path):
    path = tmp_path / 'notes.txt'
    path.write_text('these are my notes\n' * 100)
    assert f'journal {path}: ' in complaint(run('fleet_coordinator', journal=str(path)))
    assert path.read_text().startswith('these are my notes')


def test_a_schedule_of_faults_that_is_wrong_is_named(run, tmp_path):
    path = tmp_path / 'faults.yaml'
    path.write_text('- {fault: partition, robots: [robot_9]}')
    line = complaint(run('sim_fleet', robots=1, faults_file=str(path)))
    assert line.startswith("sim_fleet: parameter 'faults_file': robot 'robot_9' is not simulated")
    line = complaint(run('sim_fleet', robots=1, faults_file='/no/faults.yaml'))
    assert line.endswith('/no/faults.yaml cannot be read: No such file or directory')


@pytest.mark.parametrize(
    ('name', 'parameter', 'value', 'text'),
    [
        ('fleet_coordinator', 'tick_period_s', 99.0, 'must be a number from 0.01 to 1'),
        ('fleet_coordinator', 'journal', 5, 'must be a string'),
        ('model_server', 'resident_limit', 0, 'must be an integer from 1 to 16'),
        ('sim_fleet', 'robots', 1.5, 'must be an integer from 1 to 200'),
        ('sim_robot', 'external_commands', 1, 'must be true or false'),
    ],
)
def test_a_parameter_that_is_wrong_is_named(run, name, parameter, value, text):
    line = complaint(run(name, **{parameter: value}))
    assert line.startswith(f"{name}: parameter '{parameter}' is {value!r}")
    assert text in line


def test_a_model_server_that_cannot_be_configured_stays_and_says_why(run):
    program = run('model_server', model_repository='/no/such/folder', model_id='pick_policy')
    program.wait_for_log("'/no/such/folder', which is not a folder: create it")
    assert program.is_running
    program.stop()


def test_robots_without_their_version_stay_and_say_why(run, world, policies):
    heard = world.listen(msg.RobotStatus, '/fleet/status', qos.EVENT)
    program = run('sim_fleet', robots=1, model_repository=str(policies), stable_version='v99')
    ill = heard.wait_for(lambda m: m.health == m.HEALTH_ERROR and 'v99' in m.health_msg)
    assert 'add the folder' in ill.health_msg
    wait_until(lambda: 'add the folder' in program.log, 'the reason in the log')
    program.stop()
