# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The reader of plans: from YAML or JSON text to a Plan, or to errors with a remedy."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable
from datetime import timedelta
from typing import Any

import yaml
from pydantic import ValidationError

from hotswap_ros.plan.base import BasePlan, Strategy
from hotswap_ros.plan.errors import PlanError, names_near
from hotswap_ros.plan.plan import PLANS, Plan


def load_plan(text: str) -> Plan:
    """Read a plan from YAML or JSON text. Raises PlanError naming every field that is wrong."""
    try:
        data = parse_text(text)
    except (yaml.YAMLError, ValueError) as error:
        problem = f'the plan is not YAML or JSON: {_one_line(error)}'
        if '\n' not in text.strip():
            # YAML within YAML, as on the command line of ROS, folds lines in quotes.
            problem += '. The text has one line: check whether its line breaks were lost'
        raise PlanError([problem]) from error
    except RecursionError as error:
        raise PlanError(['the plan is nested too deeply: remove levels']) from error
    if not isinstance(data, dict):
        raise PlanError(
            [
                (
                    f'the plan is {_kind(data)}, not keys with values: '
                    "start with 'modelId: …', 'version: …', 'strategy: …'"
                )
            ]
        )
    try:
        plan: Any = _class_of(data).model_validate(data)
    except ValidationError as error:
        raise PlanError(problems_of(error)) from error
    found: Plan = plan
    return found


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


def parse_text(text: str) -> Any:
    """
    Return what YAML or JSON text holds. Raises PlanError, ValueError or yaml.YAMLError.

    JSON is read as such: YAML knows neither its tabs nor 5e3.
    """
    try:
        return json.loads(text, object_pairs_hook=_json_object)
    except ValueError:
        return yaml.load(text, Loader=_UniqueKeyLoader)


def _json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_duplicates((key for key, _ in pairs), '')
    return dict(pairs)


class _UniqueKeyLoader(yaml.SafeLoader):
    """A YAML loader that refuses a key written twice; YAML itself would keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        _refuse_duplicates(
            (
                self.construct_object(key, deep=True)
                for key, _ in node.value
                if key.tag != 'tag:yaml.org,2002:merge'
            ),
            f' in the mapping at line {node.start_mark.line + 1}',
        )
        return super().construct_mapping(node, deep)


def _refuse_duplicates(keys: Iterable[Any], where: str) -> None:
    seen = set()
    for key in keys:
        if not isinstance(key, Hashable):
            continue  # The loader refuses it.
        if key in seen:
            raise PlanError([f"key '{key}' is written twice{where}: write it once"])
        seen.add(key)


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())


def _kind(data: object) -> str:
    return {type(None): 'empty', str: 'plain text', list: 'a list', bool: 'yes or no'}.get(
        type(data), 'a number'
    )


def problems_of(error: ValidationError) -> list[str]:
    """Return a sentence for each wrong field: the field, the problem, the remedy."""
    return [_problem(entry) for entry in error.errors()]


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


def _problem(entry: Any) -> str:
    where = '.'.join(str(part) for part in entry['loc'] if part not in _TAGS)
    prefix = f'{where}: ' if where else ''
    if entry['type'] == 'missing':
        return f'{prefix}is missing: add it'
    if entry['type'] in ('union_tag_invalid', 'union_tag_not_found'):
        found = entry.get('ctx', {}).get('tag', '')
        return _strategy_problem(f'{where}.strategy', found)
    message = _WANTED.get(entry['type'], entry['msg']).removeprefix('Value error, ')
    if entry['type'] in ('enum', 'literal_error'):
        message = f'must be one of {entry["ctx"]["expected"]}'
    if entry['type'] == 'value_error':
        return f'{prefix}{message}'
    return f'{prefix}{message} (found {_found(entry["input"])})'


def _found(value: object) -> str:
    if value is None:
        return 'nothing'
    return f'{value.total_seconds():g} s' if isinstance(value, timedelta) else repr(value)
