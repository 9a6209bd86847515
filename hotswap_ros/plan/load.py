# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The reader of plans: from YAML or JSON text to a Plan, or to errors with a remedy."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from hotswap_ros.limits import PLAN_BYTES, STAGES
from hotswap_ros.plan.base import BasePlan, Strategy
from hotswap_ros.plan.errors import PlanError, bounded, names_near
from hotswap_ros.plan.plan import PLANS, Plan
from hotswap_ros.plan.yaml_text import parse_text, read_text_file


def read_plan_file(path: Path) -> str:
    """Return the text of a plan file. Blocks. Raises PlanError and OSError."""
    return read_text_file(path, PLAN_BYTES)


def load_plan(text: str) -> Plan:
    """Read a plan from YAML or JSON text. Raises PlanError naming every field that is wrong."""
    try:
        data = parse_text(text, PLAN_BYTES)
    except (yaml.YAMLError, ValueError) as error:
        problem = f'the plan is not YAML or JSON: {_one_line(error)}'
        if '\n' not in text.strip():
            # YAML within YAML, as on the command line of ROS, folds lines in quotes.
            problem += '. The text has one line: check whether its line breaks were lost'
        raise PlanError([problem]) from error
    if not isinstance(data, dict):
        raise PlanError(
            [
                (
                    f'the plan is {_kind(data)}, not keys with values: '
                    "start with 'modelId: …', 'version: …', 'strategy: …'"
                )
            ]
        )
    _refuse_long_lists(data)
    try:
        plan: Any = _class_of(data).model_validate(data)
    except ValidationError as error:
        raise PlanError([_problem(entry) for entry in error.errors()]) from error
    found: Plan = plan
    return found


def _refuse_long_lists(data: dict[Any, Any]) -> None:
    """Raise PlanError for more entries than STAGES: each becomes several steps."""
    for key in ('stages', 'phases', 'regions', 'schedule'):
        entries = data.get(key)
        if not isinstance(entries, list):
            continue
        if len(entries) > STAGES:
            raise PlanError([f'{key}: has {len(entries)} entries: write at most {STAGES}'])
        for entry in entries:
            if key == 'phases' and isinstance(entry, dict):
                _refuse_long_lists(entry)


def _class_of(data: dict[Any, Any]) -> type[BasePlan]:
    if 'phases' in data and 'strategy' not in data:
        return PLANS[Strategy.PHASES]
    found = data.get('strategy', '')
    if found not in tuple(Strategy):
        names = [('modelId', 'model_id'), ('version', 'version')]
        missing = [name for name, other in names if not {name, other} & data.keys()]
        problems = [f'{name}: is missing: add it' for name in missing if 'modelA' not in data]
        raise PlanError([*problems, _strategy_problem('strategy', found)])
    return PLANS[Strategy(found)]


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())


def _kind(data: object) -> str:
    return {type(None): 'empty', str: 'plain text', list: 'a list', bool: 'yes or no'}.get(
        type(data), 'a number'
    )


def problems_of(error: ValidationError) -> list[str]:
    """Return a sentence for each wrong field: the field, the problem, the remedy."""
    return bounded([_problem(entry) for entry in error.errors()])


#: Parts of pydantic's locations that name a class and are no place in the text.
_TAGS = tuple(Strategy)


def _strategy_problem(where: str, found: object) -> str:
    known = [strategy.value for strategy in Strategy if strategy is not Strategy.PHASES]
    if not found:
        return f'{where}: is missing: add one of {", ".join(known)}'
    return f"{where}: unknown strategy '{found}': {names_near(str(found), known)}"


#: Problems and remedies where pydantic's own text is for programmers.
_WANTED = {
    'string_type': 'must be text: write it in quotes if it looks like a number',
    'time_delta_parsing': "must be a duration: write 'PT15M', or a number of seconds",
    'time_delta_type': "must be a duration: write 'PT15M', or a number of seconds",
    'tuple_type': "must be a list: begin each entry with '-'",
    'model_type': 'must be keys with values: remove it if there are none',
}


#: How pydantic writes a bound of a duration.
_TIMEDELTA = re.compile(r'datetime\.timedelta\((?:seconds=)?(\d+)\)')


def _problem(entry: Any) -> str:
    where = '.'.join(str(part) for part in entry['loc'] if part not in _TAGS)
    prefix = f'{where}: ' if where else ''
    if entry['type'] == 'missing':
        return f'{prefix}is missing: add it'
    if entry['type'] in ('union_tag_invalid', 'union_tag_not_found'):
        found = entry.get('ctx', {}).get('tag', '')
        return _strategy_problem(f'{where}.strategy', found)
    message = _WANTED.get(entry['type'], entry['msg']).removeprefix('Value error, ')
    message = _TIMEDELTA.sub(r'\1 seconds', message)
    if entry['type'] in ('enum', 'literal_error'):
        message = f'must be one of {entry["ctx"]["expected"]}'
    if entry['type'] == 'value_error':
        return f'{prefix}{message}'
    return f'{prefix}{message} (found {_found(entry["input"])})'


def _found(value: object) -> str:
    if value is None:
        return 'nothing'
    return f'{value.total_seconds():g} s' if isinstance(value, timedelta) else repr(value)
