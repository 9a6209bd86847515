# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reading a plan from text, with errors that a person can act on."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import ValidationError

from hotswap_ros.plan._plan import Plan


class PlanError(Exception):
    """The text is not a plan; `problems` has one sentence per thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__('; '.join(problems))


def load_plan(text: str) -> Plan:
    """Read a plan from YAML or JSON text. Raises PlanError naming every field that is wrong."""
    try:
        data = yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise PlanError([f'the plan is not YAML or JSON: {_one_line(error)}']) from error
    if not isinstance(data, dict):
        raise PlanError(
            [
                (f'the plan is {_kind(data)}, not keys with values: '
                "start with 'modelId: …', 'version: …', 'strategy: …'")
            ]
        )
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        raise PlanError([_problem(entry) for entry in error.errors()]) from error


class _UniqueKeyLoader(yaml.SafeLoader):
    """A key that is written twice is an error, where YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key '{key}' is written twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def _one_line(error: yaml.YAMLError) -> str:
    return ' '.join(str(error).split())


def _kind(data: object) -> str:
    return {type(None): 'empty', str: 'plain text', list: 'a list'}.get(type(data), 'a number')


def _problem(entry: Any) -> str:
    where = '.'.join(str(part) for part in entry['loc'])
    message = entry['msg'].removeprefix('Value error, ')
    prefix = f'{where}: ' if where else ''
    if entry['type'] in ('value_error', 'missing'):
        return f'{prefix}{message}'
    remedy = ': put it in quotes' if entry['type'] == 'string_type' else ''
    return f'{prefix}{message} (found {entry["input"]!r}){remedy}'
