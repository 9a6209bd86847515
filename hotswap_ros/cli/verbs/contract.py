# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap contract check`: what a contract gives and takes, and whether a version fits it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from hotswap_ros.cli.verbs.models import PROBLEMS, model_of, refused, version_table
from hotswap_ros.models import ModelRepository
from hotswap_ros.policies import Contract, ContractError, problems_of, read_contract


def run_check(console: Console, path: Path, root: Path, model: str, version: str) -> int:
    """Check a contract, and with `version` whether that fits; return the exit code."""
    try:
        contract = read_contract(path)
    except ContractError as error:
        return refused(error)
    console.print(_table(contract))
    if not version:
        return 0
    repository = ModelRepository(root)
    try:
        manifest = repository.manifest(model_of(repository, model), version)
    except PROBLEMS as error:
        return refused(error)
    problems = problems_of(contract, manifest)
    if problems:
        return refused(f"version '{version}' does not fit: {'; '.join(problems)}")
    console.print(f'{version} fits the contract.', markup=False, highlight=False)
    return 0


def _table(contract: Contract) -> object:
    table = version_table('', 'Tensor', 'Topic', 'Type', 'Of it')
    for name, seen in contract.observations.items():
        parts = ', '.join((*seen.joints, *seen.fields))
        table.add_row('observation', name, seen.topic, seen.type, parts)
    for name, made in contract.decisions.items():
        parts = ', '.join((*made.joints, *made.fields))
        table.add_row('decision', name, made.topic, made.type, parts)
    return table
