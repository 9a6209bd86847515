# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Build the ROS 2 package into `install/` with the environment that `bootstrap.py` set up.

Python, configuration and launch files are linked, so changes to them are effective at once. It
builds when an interface or a build file changed, or when files came or went, and takes a blink
otherwise. Standard library only.
"""

from __future__ import annotations

import os
import re
import time

from _steps import LOGS, ROOT, Steps, digest, lock, main_of, read

INSTALL = ROOT / 'install'
STAMP = INSTALL / 'hotswap_ros.stamp'
LOG = LOGS / 'build.log'

# A change of their contents calls for a build.
BUILT = ('CMakeLists.txt', 'package.xml', 'setup.cfg', 'msg/*', 'srv/*', 'action/*')
# These are linked: only one that comes or goes calls for a build.
LINKED = ('hotswap_ros', 'config', 'launch', 'models', 'scripts')


def main() -> None:
    """Build the package unless it is up to date."""
    held = lock('a build')
    wanted = _stamp()
    if read(STAMP) != wanted:
        _build()
        STAMP.write_text(wanted)
    held.close()


def _build() -> None:
    began = time.monotonic()
    steps = Steps(1)
    first = not STAMP.exists()
    steps.begin('build of the ROS 2 package ({})'.format('about 45 s' if first else 'incremental'))
    if not first:
        STAMP.unlink()
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text('')
    jobs = len(os.sched_getaffinity(0))
    # Of itself colcon also limits the load, and ninja then often runs one job at a time.
    env = dict(os.environ, MAKEFLAGS='-j{}'.format(jobs), CMAKE_BUILD_PARALLEL_LEVEL=str(jobs))
    steps.run(
        [
            ROOT / 'scripts' / 'run_in_env.sh',
            '--unbuilt',
            'colcon',
            'build',
            '--symlink-install',
            '--packages-select',
            'hotswap_ros',
            '--event-handlers',
            'console_direct+',
            '--cmake-args',
            '-GNinja',
            '-DBUILD_TESTING=OFF',
            '-DPYTHON_INTERFACES_ONLY=ON',
            '-DPython3_EXECUTABLE={}'.format(ROOT / '.venv' / 'bin' / 'python'),
        ],
        LOG,
        'The build failed.',
        tell=_what_ninja_does,
        env=env,
    )
    _remove_dangling_links()
    print('built in {:.0f} s'.format(time.monotonic() - began), flush=True)


def _stamp() -> str:
    """Return one name of everything that the build's outcome depends on."""
    environment = read(ROOT / '.venv' / 'hotswap_ros.json')
    built = sorted(path for pattern in BUILT for path in ROOT.glob(pattern) if path.is_file())
    linked = sorted(
        str(path.relative_to(ROOT))
        for folder in LINKED
        for path in ROOT.glob(folder + '/**/*')
        if path.is_file() and '__pycache__' not in path.parts
    )
    return digest([ROOT, environment, *linked], built)


def _remove_dangling_links() -> None:
    """Remove the links to files that are no longer there: CMake only adds."""
    for folder, _, files in os.walk(str(INSTALL)):
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
