# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Dumps of gates in journals of earlier versions of this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hotswap_ros.gates.checks.validity import sample_ratio_alpha
from hotswap_ros.gates.stats.drawn import ODDS_RATIOS
from hotswap_ros.gates.stats.evidence import log_mean_exp
from hotswap_ros.plan import Control, SuccessCriteria

#: The number of the comparison that DrawnTasks are put together to, in dumps that lack it: it is
#: that of no other comparison.
_TOGETHER = 0


def upgraded(data: Mapping[str, Any], criteria: SuccessCriteria) -> Mapping[str, Any]:
    """Return a dump of any older format in the present one; one that is unknown as it is."""
    if data.get('format') == 5:
        data = from_format_5(data)
    if data.get('format') == 6:
        data = from_format_6(data, criteria)
    if data.get('format') == 7:
        data = from_format_7(data)
    if data.get('format') == 8:
        data = from_format_8(data)
    if data.get('format') == 9:
        data = from_format_9(data)
    return data


def from_format_9(data: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return a dump of format 9 in format 10, which tells tasks before the rollout from those in it.

    All earlier tasks of the control count as tasks before, and those of the candidate, of which
    only the number is known, as successes: from here on robots are told apart by what follows.
    """
    checks = dict(data['checks'])
    baseline = checks.get('success', {}).get('baseline')
    if baseline is not None:
        known = baseline['clusters']
        own = {robot_id: [tasks, tasks] for robot_id, tasks in known['candidate'].items()}
        clusters = {'history': known['control'], 'control': {}, 'candidate': own}
        checks['success'] = {**checks['success'], 'baseline': {**baseline, 'clusters': clusters}}
    return {**data, 'format': 10, 'checks': checks}


def from_format_8(data: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return a dump of format 8 in format 9, which has sums of progress, durations and interventions.

    Plans of that time had no check of them: sums that begin at zero mislead nobody.
    """
    return {**data, 'format': 9}


def from_format_7(data: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return a dump of format 7 in format 8, in which tasks are counted by their planned share.

    Their mean share stands for all of them, with which chance can move the split more: the check
    finds a wrong split a little later.
    """
    checks = dict(data['checks'])
    split = checks.get('sample_ratio')
    if split is not None:
        (control, candidate), expected = split['assigned'], split['expected']
        began = control + candidate
        splits = [[expected[1] / began, control, candidate]] if began else []
        known = {name: split[name] for name in ('shares', 'began')}
        checks['sample_ratio'] = {**known, 'splits': splits}
    return {**data, 'format': 8, 'checks': checks}


def from_format_6(data: Mapping[str, Any], criteria: SuccessCriteria) -> dict[str, Any]:
    """
    Return a dump of format 6 in format 7, in which tasks count one by one and by category.

    Within robots, the alternatives were drops in the success rate. The evidence is kept; from here
    on the new alternatives multiply it.
    """
    strata = {
        **data['strata'],
        'lanes': [[share, _lane(lane)] for share, lane in data['strata']['lanes']],
        'in_flight': {
            robot_id: [[troubled for troubled, _ in both], _by_category(both)]
            for robot_id, both in data['strata']['in_flight'].items()
        },
    }
    checks = dict(data['checks'])
    success = checks.get('success', {})
    is_exact = criteria.harm_null == 'not_worse' or not criteria.max_success_drop
    if 'harm' in success and criteria.control is Control.WITHIN_ROBOTS and is_exact:
        evidence = log_mean_exp(success['harm'])
        parts = [[None, evidence, [0.0] * len(ODDS_RATIOS)]]
        checks['success'] = {**success, 'harm': {'first': None, 'parts': parts}}
    if sample_ratio_alpha(criteria):
        unchecked = {'shares': {}, 'began': [], 'assigned': [0, 0], 'expected': [0.0, 0.0]}
        checks.setdefault('sample_ratio', unchecked)
    return {**data, 'format': 7, 'strata': strata, 'checks': checks}


def _by_category(both: Sequence[Any]) -> list[list[Any]]:
    """Return the tasks in flight of both versions as tasks without a category."""
    return [[index, '', in_flight] for index, (_, in_flight) in enumerate(both)]


def _lane(lane: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **lane,
        'open': [lane['open'][0], _block(lane['open'][1])],
        'closed': [[number, _block(block)] for number, block in lane['closed']],
        'together': [_TOGETHER, [0] * 4, [0] * 4],
    }


def _block(block: Sequence[Any]) -> list[Any]:
    started, control, candidate, closed = block
    cells = [[index, '', started[index], arm] for index, arm in enumerate((control, candidate))]
    return [cells, closed]


def from_format_5(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dump of format 5 in format 6, in which trackers keep the snapshots of robots."""
    window = data['window']
    robots = {
        robot_id: _tracked(data['candidate'], robot)
        for robot_id, robot in window['robots'].items()
    }
    controls = {
        robot_id: next(reversed(newest_last[-1][1]))
        for robot_id, (newest_last, _) in robots.items()
    }
    strata = dict(data['strata'])
    strata['in_flight'] = strata.pop('debts')
    return {
        **data,
        'format': 6,
        'window': {**window, 'robots': robots, 'controls': controls},
        'strata': strata,
        'checks': {name: _check(check) for name, check in data['checks'].items()},
    }


def _tracked(candidate: str, robot: Mapping[str, Any]) -> list[Any]:
    """Return the boots of a robot with the newest last, and whether it was given up."""
    current = robot['current']
    boots = [
        [boot_id, {candidate: own, version: control}]
        for boot_id, (version, own, control) in robot['boots'].items()
    ]
    return [sorted(boots, key=lambda boot: boot[0] == current), not current]


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return a check with its tracker, where it has one; of earlier boots nothing was kept."""
    found = dict(check)
    differences = found.pop('differences', None)
    if differences is not None:
        found['tracker'] = {
            robot_id: [[[boots[-1], counts]], False]
            for robot_id, (boots, counts) in differences.items()
        }
    return found
