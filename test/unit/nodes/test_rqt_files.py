# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The perspective of rqt plots, calls and lists what our interfaces have."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hotswap_ros.gates import Gate
from hotswap_ros.plan import SuccessCriteria

ROOT = Path(__file__).resolve().parents[3]
PERSPECTIVE = ROOT / 'config' / 'rqt' / 'hotswap.perspective'
PLUGINS = {
    'rqt_action/ActionPlugin': [1],
    'rqt_plot/Plot': [1, 2],
    'rqt_runtime_monitor/RuntimeMonitor': [1],
    'rqt_service_caller/ServiceCaller': [1],
    'rqt_topic/TopicPlugin': [1],
}
NUMBERS = re.compile(r'u?int\d+|float\d+|bool')
#: Topics and services of the perspective, and the interface file of each.
INTERFACES = {
    '/fleet_coordinator/rollout_status': 'msg/RolloutStatus.msg',
    '/fleet_coordinator/control_rollout': 'srv/ControlRollout.srv',
}


def settings(node: dict[str, Any], path: str = '') -> Iterator[tuple[str, str]]:
    """Return the settings that are plain values, with their paths."""
    for key, value in node['keys'].items():
        if value['type'] == 'repr':
            yield f'{path}/{key}', value['repr']
    for name, group in node['groups'].items():
        yield from settings(group, f'{path}/{name}')


@pytest.fixture(scope='module')
def perspective() -> dict[str, str]:
    return dict(settings(json.loads(PERSPECTIVE.read_text())))


def topics(perspective: dict[str, str]) -> list[list[str]]:
    return [ast.literal_eval(v) for key, v in perspective.items() if key.endswith('/topics')]


def field_type(file: str, field: str) -> str:
    """Return the type of a field of a message, as its file has it."""
    text = (ROOT / file).read_text()
    (found,) = re.findall(rf'^([\w/]+(?:\[\])?)\s+{field}(?:\s|$)', text, re.MULTILINE)
    return str(found)


def test_it_opens_the_plugins_that_the_page_names(perspective: dict[str, str]) -> None:
    running = ast.literal_eval(perspective['/pluginmanager/running-plugins'])
    assert running == PLUGINS


def test_what_it_plots_is_a_number_in_our_messages(perspective: dict[str, str]) -> None:
    plotted = topics(perspective)
    assert len(plotted) == len(PLUGINS['rqt_plot/Plot'])
    for path in (path for paths in plotted for path in paths):
        topic = next(t for t in INTERFACES if path.startswith(f'{t}/'))
        file, kind = INTERFACES[topic], ''
        for part in path.removeprefix(f'{topic}/').split('/'):
            name, index, _ = (*part.partition('['),)
            kind = field_type(file, name)
            assert kind.endswith('[]') == bool(index), path
            file = f'msg/{kind.removesuffix("[]")}.msg'
        assert NUMBERS.fullmatch(kind), path


def test_the_service_that_it_offers_first_is_ours(perspective: dict[str, str]) -> None:
    (service,) = [
        ast.literal_eval(value)
        for key, value in perspective.items()
        if key.endswith('/current_service_name')
    ]
    assert (ROOT / INTERFACES[service]).exists()


def test_the_first_check_of_a_gate_is_success() -> None:
    """What the perspective plots is the first check of the list."""
    criteria = SuccessCriteria(max_success_drop=0.02, max_error_rate=0.01)
    assert Gate(criteria, 'v24').checks(complete=False)[0].name == 'success'
