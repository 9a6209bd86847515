# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Benchmark of the command line: what its start costs beside the libraries that it stands on.

Each figure is a ratio of processor times, taken in turns: `hotswap rollout --help` to the help of
an empty command line of typer, and the import of the client for the coordinator's verbs to that of
rclpy. It takes half a minute on a free machine, with --quick ten seconds.

    python bench/command_line.py [--quick] [--output build/bench]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

from lib.report import save

HELP = (
    "import sys; sys.argv = ['hotswap', 'rollout', '--help']; "
    'from hotswap_ros.cli import main; main()'
)
BARE_HELP = (
    "import sys, typer; sys.argv = ['bare', '--help']; app = typer.Typer(); "
    'app.command()(lambda: None); app()'
)
#: Programs: what is measured, and what it is compared with.
PAIRS = {
    'help': (HELP, BARE_HELP),
    'verbs of the coordinator': (
        'import hotswap_ros.cli.verbs.rollout',
        'import rclpy.action, rclpy.executors, rclpy.node',
    ),
}


def processor_time_s(program: str) -> float:
    """Return the processor time of a Python program."""
    with subprocess.Popen(
        [sys.executable, '-c', program], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.stderr is not None
        if process.returncode:
            raise RuntimeError(process.stderr.read().decode())
    return usage.ru_utime + usage.ru_stime


def ratio(program: str, base: str, turns: int) -> dict[str, float]:
    """Return the processor times of two programs, measured in turns, and their ratio."""
    pairs = [(processor_time_s(program), processor_time_s(base)) for _ in range(turns)]
    own, other = (statistics.median(times) for times in zip(*pairs))
    return {'seconds': own, 'base_seconds': other, 'ratio': own / other}


def main() -> None:
    """Measure, print, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quick', action='store_true', help='fewer turns: noisier')
    parser.add_argument('--output', type=Path, default=Path('build/bench'))
    given = parser.parse_args()
    found = {name: ratio(*pair, turns=5 if given.quick else 15) for name, pair in PAIRS.items()}
    for name, one in found.items():
        print(f'{name}: {one["ratio"]:.2f} times the processor time of what it stands on')
    save(found, given.output / 'command_line.json')


if __name__ == '__main__':
    main()
