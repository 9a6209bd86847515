# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The coordinator is killed at random moments of rollouts; `make chaos` does it 200 times."""

from pathlib import Path

from _storm import Storm

LEFT_BEHIND = Path(__file__).resolve().parents[2] / 'build' / 'chaos'


def test_rollouts_survive_every_kill(make_site, pytestconfig):
    seed = pytestconfig.getoption('--seed')
    storm = Storm(make_site(), seed, lambda text: print(text, flush=True))
    try:
        storm.run(pytestconfig.getoption('--kills'))
    except BaseException:
        storm.save(LEFT_BEHIND)
        print(f'seed {seed}; journals and logs: {LEFT_BEHIND}', flush=True)
        raise
