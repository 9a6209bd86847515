# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Build the ROS 2 package into `install/` with the environment that `bootstrap.py` set up.

With --distro for another distribution of ROS 2 than the usual one, into a folder of its own.

Python, configuration and launch files are linked, so changes to them are effective at once. It
builds when an interface or a build file changed, or when files came or went, and takes a blink
otherwise. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from pathlib import Path

import _distributions
from _distributions import Distribution
from _steps import ROOT, Steps, digest, lock, main_of, read

# A change of their contents calls for a build.
BUILT = ('CMakeLists.txt', 'package.xml', 'setup.cfg', 'msg/*', 'srv/*', 'action/*')
# These are linked: only one that comes or goes calls for a build.
LINKED = ('hotswap_ros', 'config', 'launch', 'models', 'scripts')


def main() -> None:
    """Build the package unless it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    _distributions.add_option(parser)
    parser.add_argument('--list', action='store_true', help='print the builds that are up to date')
    given = parser.parse_args()
    if given.list:
        _list()
        return
    distribution = _distributions.find(given.distro)
    held = lock('a build')
    if not is_current(distribution):
        wanted = _stamp(distribution)
        _build(distribution)
        distribution.build_stamp.write_text(wanted)
    held.close()


def is_current(distribution: Distribution) -> bool:
    """Tell whether the package is built for a distribution, and from what is here now."""
    return read(distribution.build_stamp) == _stamp(distribution)


def _list() -> None:
    for distribution in map(_distributions.find, _distributions.names()):
        if is_current(distribution):
            print('{} {}'.format(distribution.name, distribution.install))


def _build(distribution: Distribution) -> None:
    began = time.monotonic()
    steps = Steps(1)
    stamp = distribution.build_stamp
    first = not stamp.exists()
    kind = 'about 45 s' if first else 'incremental'
    steps.begin('build of the package for {} ({})'.format(distribution.title, kind))
    if not first:
        stamp.unlink()
    log = distribution.logs / 'build.log'
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text('')
    jobs = len(os.sched_getaffinity(0))
    # Of itself colcon also limits the load, and ninja then often runs one job at a time.
    env = dict(os.environ, MAKEFLAGS='-j{}'.format(jobs), CMAKE_BUILD_PARALLEL_LEVEL=str(jobs))
    steps.run(
        [
            ROOT / 'scripts' / 'run_in_env.sh',
            '--distro',
            distribution.name,
            '--unbuilt',
            'colcon',
            '--log-base',
            distribution.logs,
            'build',
            '--build-base',
            distribution.build,
            '--install-base',
            distribution.install,
            '--symlink-install',
            '--packages-select',
            'hotswap_ros',
            '--event-handlers',
            'console_direct+',
            '--cmake-args',
            '-GNinja',
            '-DBUILD_TESTING=OFF',
            '-DPYTHON_INTERFACES_ONLY=ON',
            '-DPython3_EXECUTABLE={}'.format(distribution.python),
        ],
        log,
        'The build failed.',
        tell=_what_ninja_does,
        env=env,
    )
    _remove_dangling_links(distribution.install)
    print('built in {:.0f} s'.format(time.monotonic() - began), flush=True)


def _stamp(distribution: Distribution) -> str:
    """Return one name of everything that the build's outcome depends on."""
    environment = read(distribution.environment_stamp)
    built = sorted(path for pattern in BUILT for path in ROOT.glob(pattern) if path.is_file())
    linked = sorted(
        str(path.relative_to(ROOT))
        for folder in LINKED
        for path in ROOT.glob(folder + '/**/*')
        if path.is_file() and '__pycache__' not in path.parts
    )
    return digest([ROOT, environment, *linked], built)


def _remove_dangling_links(install: Path) -> None:
    """Remove the links to files that are no longer there: CMake only adds."""
    for folder, _, files in os.walk(str(install)):
        for name in files:
            path = os.path.join(folder, name)
            if os.path.islink(path) and not os.path.exists(path):
                os.unlink(path)


def _what_ninja_does(line: str):
    found = re.match(r'\[(\d+)/(\d+)\] (.*)', line)
    if not found:
        return None
    done, total, what = found.groups()
    kind = 'generating' if what.startswith('Generating') else 'compiling'
    return '{}, {} of {}'.format(kind, done, total)


if __name__ == '__main__':
    main_of(main)
