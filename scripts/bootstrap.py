# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Set up what hotswap_ros needs, in `.venv`: ROS 2, libraries, and with --tools the test tools.

With --bench the servers that the bench compares with, too: each set of them in an environment of
its own below build/bench, as some contradict each other. One that cannot be had is left out.
With --docs the generator of the documentation site, in an environment of its own below build/docs.

ROS 2 comes as wheels, so the machine needs no ROS of its own, and one that it has is left alone.
Run again, it takes a blink; interrupted, it mends itself with the next run. Standard library only,
and nothing newer than Python 3.8, so that too old a Python gets a sentence and no syntax error.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from _steps import LOGS, ROOT, Problem, Steps, digest, lock, main_of, read

PYTHONS = ((3, 10), (3, 13))  # the wheels of ROS 2 are there from the first to the last of these
GLIBC = (2, 28)
VENV = ROOT / '.venv'
PYTHON = VENV / 'bin' / 'python'
STAMP = VENV / 'hotswap_ros.json'  # the environment is complete, and for these requirements
UNDER_WAY = VENV / 'hotswap_ros.incomplete'  # files are being written, or were when it was killed
ROS_WHEELS = ROOT / 'requirements' / 'ros2-kilted.txt'
LIBRARIES = ROOT / 'requirements' / 'runtime.txt'
TOOLS = ROOT / 'requirements' / 'test.txt'
COMPARED = ROOT / 'requirements' / 'bench'
COMPARED_IN = ROOT / 'build' / 'bench'
SITE_TOOLS = ROOT / 'requirements' / 'docs.txt'
SITE_VENV = ROOT / 'build' / 'docs'
LOG = LOGS / 'setup.log'

# Run by a candidate Python: what it is and what it lacks.
_PROBE = """
import importlib.util as u, json, os, sys, sysconfig
print(json.dumps({
    'version': list(sys.version_info[:3]),
    'venv': bool(u.find_spec('venv') and u.find_spec('ensurepip')),
    'headers': os.path.exists(os.path.join(sysconfig.get_paths()['include'], 'Python.h')),
}))
"""


def main() -> None:
    """Set the environment up unless it is complete."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--tools', action='store_true', help='what tests and linters need, too')
    parser.add_argument('--bench', action='store_true', help='and the servers to compare with')
    parser.add_argument('--docs', action='store_true', help='and the generator of the site')
    given = parser.parse_args()
    tools = given.tools or given.bench
    held = lock('a set-up')
    if not is_complete(tools):
        set_up(tools)
    if given.bench:
        set_up_compared()
    if given.docs:
        set_up_docs()
    held.close()


def is_complete(tools: bool) -> bool:
    """Tell whether the last set-up ended well and nothing that it rests on has changed since."""
    stamps = (_stamp(True),) if tools else (_stamp(True), _stamp(False))
    return PYTHON.exists() and read(STAMP) in stamps


def set_up(tools: bool) -> None:
    """Make `.venv` what this version of hotswap_ros needs."""
    began = time.monotonic()
    steps = Steps(6 if tools else 5)
    _check_folder()
    _check_machine()
    python = _choose_python()

    steps.begin('Python {}: {}'.format(_dotted(python['version']), python['path']))
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text('')

    steps.begin('virtual environment .venv')
    kept = _keep_or_remove_venv()
    if not kept:
        VENV.mkdir()
        UNDER_WAY.touch()
        steps.run(
            [python['path'], '-I', '-m', 'venv', VENV],
            LOG,
            'The virtual environment could not be made.',
            tell=lambda line: None,
        )
        UNDER_WAY.unlink()
    steps.done('kept' if kept else 'made')

    steps.begin('ROS 2 wheels ({} packages, about 20 s)'.format(_count(ROS_WHEELS)))
    _pip_install(steps, '-r', ROS_WHEELS)
    steps.begin('libraries ({} and what they need, about 15 s)'.format(_count(LIBRARIES)))
    _pip_install(steps, '-r', LIBRARIES, '-c', ROS_WHEELS)
    if tools:
        steps.begin('test tools ({} and what they need, about 20 s)'.format(_count(TOOLS)))
        _pip_install(steps, '-r', TOOLS, '-r', LIBRARIES, '-c', ROS_WHEELS)

    steps.begin('CMake files of the wheels, fitted to this machine')
    steps.done('{} files changed'.format(fit_cmake_exports()))

    STAMP.write_text(_stamp(tools))
    print('set up in {:.0f} s'.format(time.monotonic() - began), flush=True)


def set_up_compared() -> None:
    """Make the environments of the servers to compare with, where they are missing."""
    missing = [file for file in sorted(COMPARED.glob('*.txt')) if not _has_compared(file)]
    steps = Steps(len(missing))
    for file in missing:
        folder = COMPARED_IN / file.stem
        steps.begin('{} to compare with (about 20 s)'.format(file.stem))
        try:
            _pip_install(steps, '-r', file, '-c', LIBRARIES, python=_new_venv(steps, folder))
        except Problem as problem:
            print('{} is left out of the comparison. {}'.format(file.stem, problem), flush=True)
        else:
            (folder / STAMP.name).write_text(_compared_stamp(file))


def set_up_docs() -> None:
    """Make the environment of the site generator, unless it is complete."""
    stamp = digest([SITE_VENV, os.path.realpath(str(PYTHON))], [SITE_TOOLS])
    if read(SITE_VENV / STAMP.name) == stamp:
        return
    steps = Steps(1)
    steps.begin('generator of the documentation site (about 20 s)')
    _pip_install(steps, '-r', SITE_TOOLS, python=_new_venv(steps, SITE_VENV))
    (SITE_VENV / STAMP.name).write_text(stamp)


def _new_venv(steps: Steps, folder: Path) -> Path:
    """Make a virtual environment in place of what is there; return its Python."""
    if folder.exists():
        shutil.rmtree(str(folder))
    failed = 'The virtual environment could not be made.'
    steps.run([PYTHON, '-I', '-m', 'venv', folder], LOG, failed, tell=lambda line: None)
    return folder / 'bin' / 'python'


def _has_compared(file: Path) -> bool:
    return read(COMPARED_IN / file.stem / STAMP.name) == _compared_stamp(file)


def _compared_stamp(file: Path) -> str:
    return digest([COMPARED_IN, os.path.realpath(str(PYTHON))], [file, LIBRARIES])


def fit_cmake_exports() -> int:
    """
    Point the wheels' CMake targets at this Python and this NumPy; return how many files changed.

    They carry the include folders of the machine that built them, which CMake refuses. Safe to
    repeat: a file that has been fitted holds none of those folders any more.
    """
    code = (
        'import json, numpy, sysconfig; '
        'print(json.dumps([sysconfig.get_paths()["include"], numpy.get_include()]))'
    )
    text = subprocess.check_output([str(PYTHON), '-I', '-c', code], universal_newlines=True)
    python_headers, numpy_headers = json.loads(text)
    built_with = r'/opt/python/cp3\d+-cp3\d+'
    replacements = (
        (built_with + r'/include/python3\.\d+', python_headers),
        (built_with + r'/lib/python3\.\d+/site-packages/numpy/_?core/include', numpy_headers),
    )
    changed = 0
    for path in sorted(VENV.glob('share/*/cmake/*Export.cmake')):
        before = after = path.read_text()
        for pattern, folder in replacements:
            after = re.sub(pattern, lambda _, folder=folder: folder, after)
        if after != before:
            new = path.with_suffix('.new')
            new.write_text(after)
            new.replace(path)
            changed += 1
    return changed


def _stamp(tools: bool) -> str:
    """Return what a complete environment is made from, as it is now."""
    files = [Path(__file__).resolve(), ROS_WHEELS, LIBRARIES]
    made_from = {
        'folder': str(VENV),
        'python': os.path.realpath(str(PYTHON)),
        'requirements': digest([], files),
        'tools': digest([], [TOOLS]) if tools else None,
    }
    return json.dumps(made_from, indent=2)


def _check_folder() -> None:
    """Refuse a folder with which colcon's scripts cannot deal."""
    if not re.fullmatch(r'[\w./+@%=,-]+', str(ROOT)):
        raise Problem(
            "ROS 2 cannot be used in a folder with a space or the like in its path: move '{}' "
            'elsewhere and run the command again.'.format(ROOT),
            2,
        )


def _check_machine() -> None:
    """Refuse a machine for which there are no wheels."""
    if not sys.platform.startswith('linux') or platform.machine() not in ('x86_64', 'AMD64'):
        raise Problem(
            'hotswap_ros sets ROS 2 up by itself on x86_64 Linux only: on {} {}, install ROS 2, '
            "source it and build with 'colcon build'.".format(
                platform.machine(), platform.system()
            ),
            2,
        )
    name, version = platform.libc_ver()
    numbers = tuple(int(part) for part in re.findall(r'\d+', version)[:2])
    if name != 'glibc' or numbers < GLIBC:
        raise Problem(
            'hotswap_ros needs a Linux with glibc {} or newer, and this is {} {}: use Debian 12, '
            'Ubuntu 22.04 or newer, or a container of them.'.format(
                _dotted(GLIBC), name or 'another C library', version
            ).replace('  ', ' '),
            2,
        )


def _choose_python() -> dict:
    """Return the first Python that has everything, or say what is missing."""
    first, last = PYTHONS
    others = ['python3.{}'.format(minor) for minor in range(last[1], first[1] - 1, -1)]
    fitting = []
    # The one that runs this, or, when that is .venv's own, the one that .venv was made from.
    this = getattr(sys, '_base_executable', sys.executable)
    for name in [this, *others, '/usr/bin/python3']:
        path = shutil.which(name) if name else None
        found = _probe(path) if path else None
        if found and first <= tuple(found['version'][:2]) <= last:
            fitting.append(found)
    if not fitting:
        raise Problem(
            'hotswap_ros needs Python {} to {}, and python3 is {} here: install one of them (for '
            "example with '{}apt-get install python3.12 python3.12-venv python3.12-dev') and run "
            'the command again.'.format(
                _dotted(first), _dotted(last), platform.python_version(), _sudo()
            ),
            2,
        )
    complete = [found for found in fitting if found['venv'] and found['headers']]
    python = (complete or fitting)[0]
    _check_packages(python)
    return python


def _check_packages(python: dict) -> None:
    """Say in one sentence everything that has to be installed first."""
    series = 'python' + _dotted(python['version'][:2])
    needs = []  # what is missing, and the Debian package that brings it
    if not _has_compiler('CXX', 'c++', 'g++', 'clang++'):
        needs.append(('g++', 'g++'))
    elif not _has_compiler('CC', 'cc', 'gcc', 'clang'):
        needs.append(('a C compiler', 'gcc'))
    if not python['venv']:
        needs.append(('the venv module of ' + python['path'], series + '-venv'))
    if not python['headers']:
        needs.append(('the headers of ' + python['path'], series + '-dev'))
    if needs:
        raise Problem(
            "hotswap_ros needs {}: install {} with '{}apt-get install {}' and run the command "
            'again.'.format(
                ' and '.join(what for what, _ in needs),
                'it' if len(needs) == 1 else 'them',
                _sudo(),
                ' '.join(package for _, package in needs),
            ),
            2,
        )


def _sudo() -> str:
    return '' if os.geteuid() == 0 else 'sudo '


def _probe(path: str):
    """Return what a Python says about itself, or None if it does not run."""
    try:
        text = subprocess.check_output(
            [path, '-I', '-c', _PROBE],
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            universal_newlines=True,
            timeout=30,
        )
        return dict(json.loads(text), path=path)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _has_compiler(variable: str, *names: str) -> bool:
    chosen = os.environ.get(variable, '').split()[:1]
    return any(shutil.which(name) for name in [*chosen, *names])


def _keep_or_remove_venv() -> bool:
    """Return whether the environment that is there can be kept; one of ours that cannot goes."""
    if not VENV.exists():
        return False
    ours = UNDER_WAY.exists() or STAMP.exists() or not any(VENV.iterdir())
    moved = STAMP.exists() and json.dumps(str(VENV)) not in read(STAMP)
    if not UNDER_WAY.exists() and not moved:
        found = _probe(str(PYTHON))
        if found and PYTHONS[0] <= tuple(found['version'][:2]) <= PYTHONS[1]:
            return True
    if not ours:
        raise Problem(
            'The folder .venv is no environment that hotswap_ros can use: remove it with '
            "'rm -r .venv' and run the command again.",
            2,
        )
    shutil.rmtree(str(VENV))
    return False


def _pip_install(steps: Steps, *what, python=None) -> None:
    command = [
        python or PYTHON,
        '-I',
        '-u',
        '-m',
        'pip',
        'install',
        '--no-input',
        '--prefer-binary',
    ]
    command += ['--progress-bar', 'off', '--no-warn-script-location', *what]
    env = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK='1', PIP_USER='0')
    for name in ('LD_LIBRARY_PATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE'):
        env.pop(name, None)
    failed = 'pip could not install everything: check the network and run the command again.'
    output = steps.run(command, LOG, failed, tell=_what_pip_does, env=env)
    if UNDER_WAY.exists():
        UNDER_WAY.unlink()
    new = re.findall(r'^Successfully installed (.*)$', output, re.MULTILINE)
    count = len(new[0].split()) if new else 0
    steps.done('{} packages installed'.format(count) if count else 'all there already')


def _what_pip_does(line: str):
    found = re.match(r'(?:Collecting|Downloading|Using cached) (\S+)(.*)', line)
    if found:
        name = re.split(r'[=<>!~;\[(]|-\d', found.group(1).rsplit('/', 1)[-1])[0]
        size = re.search(r'\([\d.]+ [kMG]B\)', found.group(2))
        return 'fetching {}{}'.format(name, ' ' + size.group(0) if size else '')
    if line.startswith('Installing collected packages'):
        UNDER_WAY.touch()
        return 'installing {} packages'.format(line.count(',') + 1)
    return None


def _count(path: Path) -> int:
    lines = [line.strip() for line in read(path).splitlines()]
    names = {re.split(r'[\s=<>!~;\[]', line)[0] for line in lines if line and line[0] not in '#-'}
    return len(names)


def _dotted(numbers) -> str:
    return '.'.join(str(number) for number in numbers)


if __name__ == '__main__':
    main_of(main)
