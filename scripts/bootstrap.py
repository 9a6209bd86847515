# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Set up what hotswap_ros needs, in `.venv`: ROS 2, libraries, and with --tools the test tools.

With --distro another distribution of ROS 2 than the usual one, in an environment of its own.

With --bench the servers that the bench compares with, too: each set of them in an environment of
its own below build/bench, as some contradict each other. One that cannot be had is left out. With
--step the statistical test that gates are compared with as well, which nobody gets unasked: its
licence allows no commercial use.
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

import _distributions
from _distributions import Distribution
from _steps import ROOT, Problem, Steps, digest, lock, main_of, read

PYTHONS = ((3, 10), (3, 13))  # the wheels of ROS 2 are there from the first to the last of these
GLIBC = (2, 28)
LIBRARIES = ROOT / 'requirements' / 'runtime.txt'
TOOLS = ROOT / 'requirements' / 'test.txt'
COMPARED = ROOT / 'requirements' / 'bench'
ASKED = COMPARED / 'asked'
COMPARED_IN = ROOT / 'build' / 'bench'
SITE_TOOLS = ROOT / 'requirements' / 'docs.txt'
SITE_VENV = ROOT / 'build' / 'docs'

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
    parser.add_argument(
        '--step', action='store_true', help='with --bench: and STEP, for no commercial use'
    )
    parser.add_argument('--docs', action='store_true', help='and the generator of the site')
    _distributions.add_option(parser)
    given = parser.parse_args()
    distribution = _distributions.find(given.distro)
    tools = given.tools or given.bench
    held = lock('a set-up')
    if not is_complete(distribution, tools):
        set_up(distribution, tools)
    if given.bench:
        set_up_compared(distribution, given.step)
    if given.docs:
        set_up_docs(distribution)
    held.close()


def is_complete(distribution: Distribution, tools: bool) -> bool:
    """Tell whether the last set-up ended well and nothing that it rests on has changed since."""
    stamps = [
        _stamp(distribution, with_tools) for with_tools in ((True,) if tools else (True, False))
    ]
    return distribution.python.exists() and read(distribution.environment_stamp) in stamps


def set_up(distribution: Distribution, tools: bool) -> None:
    """Make the environment what this version of hotswap_ros needs."""
    began = time.monotonic()
    steps = Steps(6 if tools else 5)
    _check_folder()
    _check_machine()
    python = _choose_python()

    steps.begin('Python {}: {}'.format(_dotted(python['version']), python['path']))
    log, wheels = _log(distribution), distribution.wheels
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text('')

    steps.begin('virtual environment ' + distribution.venv.name)
    kept = _keep_or_remove_venv(distribution)
    if not kept:
        distribution.venv.mkdir()
        distribution.under_way.touch()
        steps.run(
            [python['path'], '-I', '-m', 'venv', distribution.venv],
            log,
            'The virtual environment could not be made.',
            tell=lambda line: None,
        )
        distribution.under_way.unlink()
    steps.done('kept' if kept else 'made')

    steps.begin('{} ({} wheels, about 20 s)'.format(distribution.title, _count(wheels)))
    _pip_install(steps, distribution, '-r', wheels)
    steps.begin('libraries ({} and what they need, about 15 s)'.format(_count(LIBRARIES)))
    _pip_install(steps, distribution, '-r', LIBRARIES, '-c', wheels)
    if tools:
        steps.begin('test tools ({} and what they need, about 20 s)'.format(_count(TOOLS)))
        _pip_install(steps, distribution, '-r', TOOLS, '-r', LIBRARIES, '-c', wheels)

    steps.begin('CMake files of the wheels, fitted to this machine')
    steps.done('{} files changed'.format(fit_cmake_exports(distribution)))

    distribution.environment_stamp.write_text(_stamp(distribution, tools))
    print('set up in {:.0f} s'.format(time.monotonic() - began), flush=True)


def set_up_compared(distribution: Distribution, asked: bool = False) -> None:
    """Make the environments of what the bench compares with, where they are missing."""
    files = sorted(COMPARED.glob('*.txt')) + (sorted(ASKED.glob('*.txt')) if asked else [])
    missing = [file for file in files if not _has_compared(distribution, file)]
    steps = Steps(len(missing))
    for file in missing:
        folder = COMPARED_IN / file.stem
        steps.begin('{} to compare with (about 20 s)'.format(file.stem))
        try:
            python = _new_venv(steps, distribution, folder)
            _pip_install(steps, distribution, '-r', file, '-c', LIBRARIES, python=python)
        except Problem as problem:
            print('{} is left out of the comparison. {}'.format(file.stem, problem), flush=True)
        else:
            _stamp_of(folder).write_text(_compared_stamp(distribution, file))


def set_up_docs(distribution: Distribution) -> None:
    """Make the environment of the site generator, unless it is complete."""
    stamp = digest([SITE_VENV, os.path.realpath(str(distribution.python))], [SITE_TOOLS])
    if read(_stamp_of(SITE_VENV)) == stamp:
        return
    steps = Steps(1)
    steps.begin('generator of the documentation site (about 20 s)')
    python = _new_venv(steps, distribution, SITE_VENV)
    _pip_install(steps, distribution, '-r', SITE_TOOLS, python=python)
    _stamp_of(SITE_VENV).write_text(stamp)


def _new_venv(steps: Steps, distribution: Distribution, folder: Path) -> Path:
    """Make a virtual environment in place of what is there; return its Python."""
    if folder.exists():
        shutil.rmtree(str(folder))
    failed = 'The virtual environment could not be made.'
    command = [distribution.python, '-I', '-m', 'venv', folder]
    steps.run(command, _log(distribution), failed, tell=lambda line: None)
    return folder / 'bin' / 'python'


def _has_compared(distribution: Distribution, file: Path) -> bool:
    found = read(_stamp_of(COMPARED_IN / file.stem))
    return found == _compared_stamp(distribution, file)


def _compared_stamp(distribution: Distribution, file: Path) -> str:
    python = os.path.realpath(str(distribution.python))
    return digest([COMPARED_IN, python], [file, LIBRARIES])


def _stamp_of(folder: Path) -> Path:
    return folder / 'hotswap_ros.json'


def fit_cmake_exports(distribution: Distribution) -> int:
    """
    Point the wheels' CMake targets at this Python and this NumPy; return how many files changed.

    They carry the include folders of the machine that built them, which CMake refuses. Safe to
    repeat: a file that has been fitted holds none of those folders any more.
    """
    code = (
        'import json, numpy, sysconfig; '
        'print(json.dumps([sysconfig.get_paths()["include"], numpy.get_include()]))'
    )
    command = [str(distribution.python), '-I', '-c', code]
    text = subprocess.check_output(command, universal_newlines=True)
    python_headers, numpy_headers = json.loads(text)
    built_with = r'/opt/python/cp3\d+-cp3\d+'
    replacements = (
        (built_with + r'/include/python3\.\d+', python_headers),
        (built_with + r'/lib/python3\.\d+/site-packages/numpy/_?core/include', numpy_headers),
    )
    changed = 0
    for path in sorted(distribution.venv.glob('share/*/cmake/*Export.cmake')):
        before = after = path.read_text()
        for pattern, folder in replacements:
            after = re.sub(pattern, lambda _, folder=folder: folder, after)
        if after != before:
            new = path.with_suffix('.new')
            new.write_text(after)
            new.replace(path)
            changed += 1
    return changed


def _log(distribution: Distribution) -> Path:
    return distribution.logs / 'setup.log'


def _stamp(distribution: Distribution, tools: bool) -> str:
    """Return what a complete environment is made from, as it is now."""
    files = [Path(__file__).resolve(), distribution.wheels, LIBRARIES]
    made_from = {
        'folder': str(distribution.venv),
        'python': os.path.realpath(str(distribution.python)),
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


def _keep_or_remove_venv(distribution: Distribution) -> bool:
    """Return whether the environment that is there can be kept; one of ours that cannot goes."""
    venv, stamp = distribution.venv, distribution.environment_stamp
    under_way = distribution.under_way.exists()
    if not venv.exists():
        return False
    ours = under_way or stamp.exists() or not any(venv.iterdir())
    moved = stamp.exists() and json.dumps(str(venv)) not in read(stamp)
    if not under_way and not moved:
        found = _probe(str(distribution.python))
        if found and PYTHONS[0] <= tuple(found['version'][:2]) <= PYTHONS[1]:
            return True
    if not ours:
        raise Problem(
            'The folder {0} is no environment that hotswap_ros can use: remove it with '
            "'rm -r {0}' and run the command again.".format(venv.name),
            2,
        )
    shutil.rmtree(str(venv))
    return False


def _pip_install(steps: Steps, distribution: Distribution, *what, python=None) -> None:
    under_way = distribution.under_way
    command = [
        python or distribution.python,
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

    def tell(line: str):
        if python is None and line.startswith('Installing collected packages'):
            under_way.touch()
        return _what_pip_does(line)

    output = steps.run(command, _log(distribution), failed, tell=tell, env=env)
    if under_way.exists():
        under_way.unlink()
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
