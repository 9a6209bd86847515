# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""
Distributions of ROS 2 that come as wheels, and where each keeps what is made from it.

One has the folders that one expects: `.venv`, `build`, `install`. Every other one has an
environment of its own, and the rest below `build/NAME`, so that they live side by side.
`run_in_env.sh` finds the folders by the same rule.
"""

from __future__ import annotations

from pathlib import Path

from _steps import ROOT, Problem

DEFAULT = 'kilted'


class Distribution:
    """A distribution of ROS 2, and its folders in this checkout."""

    def __init__(self, name: str, root: Path = ROOT) -> None:
        """Take the name; nothing has to be there yet."""
        usual = name == DEFAULT
        made = root if usual else root / 'build' / name
        self.name = name
        self.title = 'ROS 2 ' + name.capitalize()
        self.wheels = ROOT / 'requirements' / 'ros2-{}.txt'.format(name)
        self.venv = root / ('.venv' if usual else '.venv-' + name)
        self.python = self.venv / 'bin' / 'python'
        self.environment_stamp = self.venv / 'hotswap_ros.json'  # complete, and for these wheels
        self.under_way = self.venv / 'hotswap_ros.incomplete'  # files are being written, or were
        self.build = made / 'build'
        self.install = made / 'install'
        self.build_stamp = self.install / 'hotswap_ros.stamp'
        self.logs = made / 'log'


def names() -> list:
    """Return the distributions that there are wheels for."""
    return sorted(path.stem[len('ros2-') :] for path in (ROOT / 'requirements').glob('ros2-*.txt'))


def find(name: str) -> Distribution:
    """Return a distribution by its name. Raises Problem for one that is not there."""
    if name not in names():
        raise Problem(
            "hotswap_ros cannot set up ROS 2 '{}': choose DISTRO={}. On a machine that has "
            "another ROS 2, source it and build with 'colcon build'.".format(
                name, ' or DISTRO='.join(names())
            ),
            2,
        )
    return Distribution(name)


def add_option(parser) -> None:
    """Add `--distro` to the options of a script."""
    parser.add_argument(
        '--distro',
        default=DEFAULT,
        help='ROS 2 distribution: {} (default: {})'.format(', '.join(names()), DEFAULT),
    )
