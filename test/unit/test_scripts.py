# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The set-up says in one sentence what it lacks, repairs itself, and repeats nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / 'scripts'
GOOD = {'version': [3, 12, 1], 'path': '/usr/bin/python3.12', 'venv': True, 'headers': True}


@pytest.fixture
def scripts(monkeypatch):
    """Let the scripts be imported, and forget them afterwards."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield
    for name in ('bootstrap', 'build_package', '_distributions', '_steps'):
        sys.modules.pop(name, None)


@pytest.fixture
def bootstrap(monkeypatch, scripts):
    """Return scripts/bootstrap.py, on a machine that has a compiler."""
    import bootstrap

    monkeypatch.setattr(bootstrap, '_has_compiler', lambda *names: True)
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)
    return bootstrap


@pytest.fixture(params=['kilted', 'jazzy'])
def distribution(scripts, request, tmp_path):
    """Return a distribution in a folder of its own."""
    from _distributions import Distribution

    return Distribution(request.param, tmp_path)


@pytest.fixture
def build(monkeypatch, scripts, tmp_path):
    """Return scripts/build_package.py, made to look at a folder of its own."""
    import build_package

    monkeypatch.setattr(build_package, 'ROOT', tmp_path)
    monkeypatch.setattr(sys.modules['_steps'], 'ROOT', tmp_path)
    for folder in ('msg', 'hotswap_ros'):
        (tmp_path / folder).mkdir()
    (tmp_path / 'msg' / 'A.msg').write_text('uint8 a')
    (tmp_path / 'hotswap_ros' / 'a.py').write_text('a = 1')
    return build_package


def pythons(monkeypatch, bootstrap, *found):
    """Let the machine have only these Pythons, the first of them as `python3`."""
    names = (sys._base_executable, 'python3.13', 'python3.12')
    by_name = dict(zip(names, found, strict=False))
    monkeypatch.setattr(bootstrap.shutil, 'which', lambda name: name if name in by_name else None)
    monkeypatch.setattr(bootstrap, '_probe', by_name.get)


def make_venv(distribution):
    distribution.python.parent.mkdir(parents=True)
    distribution.python.symlink_to(sys.executable)


def test_distributions_live_side_by_side(scripts, tmp_path):
    import _distributions

    assert _distributions.names() == ['jazzy', 'kilted']
    kilted, jazzy = (_distributions.Distribution(n, tmp_path) for n in ('kilted', 'jazzy'))
    for folder in ('venv', 'build', 'install', 'logs'):
        assert getattr(kilted, folder) != getattr(jazzy, folder)
    assert (kilted.venv, kilted.install) == (tmp_path / '.venv', tmp_path / 'install')


@pytest.mark.parametrize('script', ['bootstrap.py', 'build_package.py'])
def test_an_unknown_distribution_gets_a_sentence_with_those_that_exist(script):
    command = [sys.executable, SCRIPTS / script, '--distro', 'humble']
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert "ROS 2 'humble'" in line
    assert 'choose DISTRO=jazzy or DISTRO=kilted' in line


def test_a_complete_python_is_preferred(monkeypatch, bootstrap):
    old = dict(GOOD, version=[3, 9, 2])
    bare = dict(GOOD, version=[3, 11, 2], venv=False)
    pythons(monkeypatch, bootstrap, old, bare, GOOD)
    assert bootstrap._choose_python() == GOOD


def test_what_cannot_be_compared_with_is_left_out_and_tried_again(
    monkeypatch, bootstrap, distribution, tmp_path, capsys
):
    monkeypatch.setattr(bootstrap, 'COMPARED_IN', tmp_path)
    make_venv(distribution)

    def install(steps, distribution, *what, python):
        if python.parent.parent.name == 'mlserver':
            raise bootstrap.Problem('It cannot be had.')

    def make(steps, command, *rest, **options):
        command[-1].mkdir()

    monkeypatch.setattr(bootstrap.Steps, 'run', make)
    monkeypatch.setattr(bootstrap, '_pip_install', install)
    bootstrap.set_up_compared(distribution)
    assert 'mlserver is left out of the comparison. It cannot be had.' in capsys.readouterr().out
    monkeypatch.setattr(bootstrap, '_pip_install', lambda *what, python: None)
    bootstrap.set_up_compared(distribution)
    out = capsys.readouterr().out
    assert '[1/1] mlserver to compare with' in out
    bootstrap.set_up_compared(distribution)
    assert capsys.readouterr().out == ''
    # What may not be used commercially comes only if somebody asks.
    bootstrap.set_up_compared(distribution, asked=True)
    assert '[1/1] step to compare with' in capsys.readouterr().out


def test_the_site_generator_is_installed_once(
    monkeypatch, bootstrap, distribution, tmp_path, capsys
):
    monkeypatch.setattr(bootstrap, 'SITE_VENV', tmp_path / 'docs')
    make_venv(distribution)
    monkeypatch.setattr(
        bootstrap.Steps, 'run', lambda steps, command, *rest, **_: command[-1].mkdir()
    )
    monkeypatch.setattr(bootstrap, '_pip_install', lambda *what, python: None)
    bootstrap.set_up_docs(distribution)
    assert '[1/1] generator of the documentation site' in capsys.readouterr().out
    bootstrap.set_up_docs(distribution)
    assert capsys.readouterr().out == ''


def test_wrong_python_is_said_in_one_sentence(monkeypatch, bootstrap):
    pythons(monkeypatch, bootstrap, dict(GOOD, version=[3, 9, 2]), None)
    monkeypatch.setattr(bootstrap.platform, 'python_version', lambda: '3.9.2')
    with pytest.raises(bootstrap.Problem) as problem:
        bootstrap._choose_python()
    assert problem.value.code == 2
    assert str(problem.value) == (
        'hotswap_ros needs Python 3.10 to 3.13, and python3 is 3.9.2 here: install one of them '
        "(for example with 'sudo apt-get install python3.12 python3.12-venv python3.12-dev') and "
        'run the command again.'
    )


def test_missing_compiler_is_said_in_one_sentence(monkeypatch, bootstrap):
    pythons(monkeypatch, bootstrap, GOOD)
    monkeypatch.setattr(bootstrap, '_has_compiler', lambda *names: False)
    with pytest.raises(bootstrap.Problem) as problem:
        bootstrap._choose_python()
    assert problem.value.code == 2
    assert str(problem.value) == (
        "hotswap_ros needs g++: install it with 'sudo apt-get install g++' and run the command "
        'again.'
    )


def test_everything_missing_is_said_at_once(monkeypatch, bootstrap):
    pythons(monkeypatch, bootstrap, dict(GOOD, venv=False, headers=False))
    with pytest.raises(bootstrap.Problem) as problem:
        bootstrap._choose_python()
    assert str(problem.value) == (
        'hotswap_ros needs the venv module of /usr/bin/python3.12 and the headers of '
        "/usr/bin/python3.12: install them with 'sudo apt-get install python3.12-venv "
        "python3.12-dev' and run the command again."
    )


def test_folder_that_colcon_cannot_use_is_refused(monkeypatch, bootstrap):
    bootstrap._check_folder()
    monkeypatch.setattr(bootstrap, 'ROOT', Path('/home/me/my robots/hotswap_ros'))
    with pytest.raises(bootstrap.Problem, match=r'move .*my robots'):
        bootstrap._check_folder()


@pytest.mark.parametrize(
    ('machine', 'libc', 'words'),
    [
        ('aarch64', ('glibc', '2.36'), 'on x86_64 Linux only'),
        ('x86_64', ('glibc', '2.17'), 'glibc 2.28 or newer, and this is glibc 2.17'),
        ('x86_64', ('', ''), 'another C library'),
    ],
)
def test_machine_without_wheels_is_refused(monkeypatch, bootstrap, machine, libc, words):
    monkeypatch.setattr(bootstrap.platform, 'machine', lambda: machine)
    monkeypatch.setattr(bootstrap.platform, 'libc_ver', lambda: libc)
    with pytest.raises(bootstrap.Problem, match=words):
        bootstrap._check_machine()


def test_environment_is_complete_until_its_python_changes(bootstrap, distribution):
    assert not bootstrap.is_complete(distribution, tools=False)
    make_venv(distribution)
    distribution.environment_stamp.write_text(bootstrap._stamp(distribution, tools=True))
    assert bootstrap.is_complete(distribution, tools=True)
    assert bootstrap.is_complete(distribution, tools=False)
    distribution.environment_stamp.write_text(bootstrap._stamp(distribution, tools=False))
    assert not bootstrap.is_complete(distribution, tools=True)
    assert bootstrap.is_complete(distribution, tools=False)

    distribution.python.unlink()
    distribution.python.symlink_to('/another/python')
    assert not bootstrap.is_complete(distribution, tools=False)


def test_environment_is_complete_until_its_requirements_change(
    monkeypatch, bootstrap, distribution
):
    make_venv(distribution)
    distribution.environment_stamp.write_text(bootstrap._stamp(distribution, tools=True))
    monkeypatch.setattr(bootstrap, 'LIBRARIES', distribution.wheels)
    assert not bootstrap.is_complete(distribution, tools=False)


def test_interrupted_or_moved_environment_is_made_again(bootstrap, distribution):
    make_venv(distribution)
    distribution.under_way.touch()
    assert not bootstrap._keep_or_remove_venv(distribution)
    assert not distribution.venv.exists()

    make_venv(distribution)
    distribution.environment_stamp.write_text('{"folder": "/elsewhere/.venv"}')
    assert not bootstrap._keep_or_remove_venv(distribution)
    assert not distribution.venv.exists()


def test_environment_made_by_hand_is_kept_or_left_alone(monkeypatch, bootstrap, distribution):
    make_venv(distribution)
    monkeypatch.setattr(bootstrap, '_probe', lambda path: GOOD)
    assert bootstrap._keep_or_remove_venv(distribution)

    monkeypatch.setattr(bootstrap, '_probe', lambda path: None)
    with pytest.raises(bootstrap.Problem, match=f'rm -r {distribution.venv.name}'):
        bootstrap._keep_or_remove_venv(distribution)
    assert distribution.python.exists()


def test_cmake_exports_are_fitted_once(monkeypatch, bootstrap, distribution):
    make_venv(distribution)
    folder = distribution.venv / 'share' / 'x_msgs' / 'cmake'
    folder.mkdir(parents=True)
    export = folder / 'xExport.cmake'
    export.write_text(
        'INCLUDE "/opt/python/cp312-cp312/include/python3.12;'
        '/opt/python/cp312-cp312/lib/python3.12/site-packages/numpy/_core/include;${_DIR}/include"'
    )
    monkeypatch.setattr(
        bootstrap.subprocess, 'check_output', lambda *a, **k: '["/py/include", "/np/include"]'
    )
    assert bootstrap.fit_cmake_exports(distribution) == 1
    assert export.read_text() == 'INCLUDE "/py/include;/np/include;${_DIR}/include"'
    assert bootstrap.fit_cmake_exports(distribution) == 0


def test_failed_command_shows_its_last_lines_and_its_log(bootstrap, tmp_path, capsys):
    steps = bootstrap.Steps(1)
    log = tmp_path / 'log' / 'x.log'
    command = [sys.executable, '-c', 'print("the reason"); raise SystemExit(3)']
    with pytest.raises(bootstrap.Problem, match='It failed') as problem:
        steps.run(command, log, 'It failed.', tell=lambda line: None)
    assert str(log) in str(problem.value)
    assert '| the reason' in capsys.readouterr().out
    assert 'the reason' in log.read_text()


def test_build_follows_interfaces_and_the_list_of_files(build, distribution, tmp_path):
    before = build._stamp(distribution)
    (tmp_path / 'hotswap_ros' / 'a.py').write_text('a = 2')
    assert build._stamp(distribution) == before
    (tmp_path / 'hotswap_ros' / 'b.py').write_text('')
    with_new_file = build._stamp(distribution)
    assert with_new_file != before
    (tmp_path / 'msg' / 'A.msg').write_text('uint16 a')
    assert build._stamp(distribution) not in (before, with_new_file)


def test_build_removes_links_to_deleted_files(build, tmp_path):
    (tmp_path / 'install').mkdir()
    kept = tmp_path / 'install' / 'a.py'
    kept.symlink_to(tmp_path / 'hotswap_ros' / 'a.py')
    dangling = tmp_path / 'install' / 'gone.py'
    dangling.symlink_to(tmp_path / 'hotswap_ros' / 'gone.py')
    build._remove_dangling_links(tmp_path / 'install')
    assert kept.is_symlink()
    assert not dangling.is_symlink()


@pytest.mark.parametrize('name', ['kilted', 'jazzy'])
def test_sourced_ros_is_left_out(scripts, tmp_path, name):
    from _distributions import Distribution

    root = tmp_path / 'root'
    there = Distribution(name, root)
    (root / 'scripts').mkdir(parents=True)
    script = root / 'scripts' / 'run_in_env.sh'
    script.write_text((SCRIPTS / 'run_in_env.sh').read_text())
    script.chmod(0o755)
    command = [script, 'env'] if name == 'kilted' else [script, '--distro', name, 'env']
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "run 'make build" in refused.stderr

    make_venv(there)
    there.install.mkdir(parents=True)
    there.build_stamp.touch()
    (there.install / 'local_setup.sh').write_text('export PYTHONPATH=ours\n')
    sourced = {
        'PATH': os.environ['PATH'],
        'AMENT_PREFIX_PATH': '/opt/ros/x',
        'LD_LIBRARY_PATH': '/opt/ros/x/lib',
        'PYTHONPATH': '/opt/ros/x/python',
        'RMW_IMPLEMENTATION': 'rmw_other',
        'ROS_DISTRO': 'x',
        'ROS_DOMAIN_ID': '7',
    }
    done = subprocess.run(command, env=sourced, capture_output=True, text=True, check=True)
    found = dict(line.split('=', 1) for line in done.stdout.splitlines() if '=' in line)
    assert found['AMENT_PREFIX_PATH'] == str(there.venv)
    assert found['PYTHONPATH'] == 'ours'
    assert found['ROS_DOMAIN_ID'] == '7'
    assert found['PATH'].split(':')[1] == str(there.venv / 'bin')
    for name in ('LD_LIBRARY_PATH', 'RMW_IMPLEMENTATION', 'ROS_DISTRO'):
        assert name not in found
