# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""`hotswap models list`, `show` and `diff`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hotswap_ros.cli.files.samples import SamplesError
from hotswap_ros.cli.terminal import PlainConsole, write_json
from hotswap_ros.models import (
    MANIFEST_NAME,
    Chunk,
    Interface,
    InvalidManifestError,
    Manifest,
    ModelError,
    ModelRepository,
    TensorSpec,
    added_inputs,
    differences,
    tensor_words,
    unknown_promises,
)
from hotswap_ros.serving import LoadFailedError
from hotswap_ros.text import count, size_words

#: Numbers of a tensor that are shown.
_NUMBERS = 6


class NoModelError(Exception):
    """No model, or one of several, was meant; the message says which there are."""


#: What a verb tells when it cannot do its work.
PROBLEMS = (ModelError, LoadFailedError, NoModelError, SamplesError, OSError)


def refused(problem: object) -> int:
    """Say why a verb did nothing, and return its exit code."""
    console = PlainConsole(stderr=True)
    console.print(f'hotswap: {problem}', markup=False, highlight=False, soft_wrap=True)
    return 1


def run_list(console: Console, root: Path, json_file: Path | None) -> int:
    """Show every version of a repository; return 1 if one of them has no valid manifest."""
    repository = ModelRepository(root)
    found = [
        (model, version, _manifest_or_problem(repository, model, version))
        for model in _models(repository)
        for version in repository.versions(model)
    ]
    if not found:
        return refused(_no_versions(repository))
    if json_file is not None:
        write_json(json_file, [_listed(*each) for each in found])
    table = version_table('Model', 'Version', 'Size', 'Inputs', 'Outputs', 'Description')
    for model, version, manifest in found:
        if isinstance(manifest, InvalidManifestError):
            table.add_row(model, version, Text('invalid', 'red'), '', '', manifest.problem)
            continue
        table.add_row(
            model,
            version,
            size_words(manifest.total_bytes),
            _tensors(manifest.observations),
            _tensors(manifest.decisions),
            manifest.description,
        )
    console.print(table)
    return int(any(isinstance(each[2], InvalidManifestError) for each in found))


def run_show(
    console: Console, root: Path, model: str, version: str, json_file: Path | None
) -> int:
    """Show a version; return the exit code."""
    repository = ModelRepository(root)
    try:
        manifest = repository.manifest(model_of(repository, model), version)
    except PROBLEMS as error:
        return refused(error)
    if json_file is not None:
        write_json(json_file, json.loads(manifest.model_dump_json()))
    about = version_table('', '')
    about.show_header = False
    for key, value in _facts(manifest):
        if value:
            about.add_row(key, value)
    console.print(f'{manifest.model} {manifest.version}', style='bold', markup=False)
    console.print(about)
    tensors = version_table('Tensor', 'Name', 'Form', 'Low', 'High', 'Rate limit')
    for kind, specs in (('input', manifest.inputs), ('output', manifest.outputs)):
        for spec in specs:
            bounds = (
                shown_numbers(spec.low),
                shown_numbers(spec.high),
                shown_numbers(spec.rate_limit),
            )
            tensors.add_row(kind, spec.name, tensor_words(spec), *bounds)
    console.print(tensors)
    tell_unknown(console, manifest)
    return 0


def run_diff(
    console: Console, root: Path, model: str, versions: tuple[str, str], json_file: Path | None
) -> int:
    """Show what differs between two versions; return 1 if they cannot run beside each other."""
    repository = ModelRepository(root)
    try:
        model = model_of(repository, model)
        before, after = (repository.manifest(model, version) for version in versions)
    except PROBLEMS as error:
        return refused(error)
    rows = [
        (key, old, new)
        for (key, old), (_, new) in zip(_comparable(before, after), _comparable(after, before))
        if old != new
    ]
    forms = Interface.of(before), Interface.of(after)
    found, added = differences(*forms), added_inputs(*forms)
    if json_file is not None:
        changed = {key: {'before': old, 'after': new} for key, old, new in rows}
        names = sorted({one.name for one in found})
        figures = {'differences': changed, 'differing_tensors': names, 'added_inputs': added}
        write_json(json_file, figures)
    if rows:
        table = version_table('', *versions)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    else:
        console.print('No difference but the name.')
    old, new = versions
    if found:
        text = ', '.join(one.words(old, new) for one in found)
        console.print(
            f'{new} cannot be a candidate or shadow beside {old}: {text}',
            style='bold yellow',
            markup=False,
            highlight=False,
        )
        return 1
    where = f' where the robot also gives {", ".join(added)}' if added else ''
    console.print(
        f'{new} can be a candidate or shadow beside {old}{where}', markup=False, highlight=False
    )
    return 0


def tell_unknown(console: Console, manifest: Manifest) -> None:
    """Tell which promises a version does not make."""
    for unknown in unknown_promises(manifest):
        text = f'Not stated: {unknown.key} ({unknown.consequence})'
        console.print(text, style='yellow', markup=False, highlight=False, soft_wrap=True)


def model_of(repository: ModelRepository, model: str) -> str:
    """Return the model that is meant, the only one where none is named. Raises NoModelError."""
    known = _models(repository)
    if model or len(known) == 1:
        return model or known[0]
    if not known:
        raise NoModelError(_no_versions(repository))
    raise NoModelError(
        f'{repository.root} has the models {", ".join(known)}: name one with --model'
    )


def _models(repository: ModelRepository) -> list[str]:
    return sorted({path.parts[-3] for path in repository.root.glob(f'*/*/{MANIFEST_NAME}')})


def _no_versions(repository: ModelRepository) -> str:
    return f'{repository.root} has no versions: name another folder with --repository'


def _manifest_or_problem(
    repository: ModelRepository, model: str, version: str
) -> Manifest | InvalidManifestError:
    try:
        return repository.manifest(model, version)
    except InvalidManifestError as error:
        return error


def _listed(model: str, version: str, found: Manifest | InvalidManifestError) -> dict[str, Any]:
    if isinstance(found, InvalidManifestError):
        return {'model': model, 'version': version, 'problem': found.problem}
    names = {'model', 'version', 'sha256', 'description'}
    return {**found.model_dump(include=names), 'size_bytes': found.total_bytes}


def _facts(manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield 'Description', manifest.description
    yield 'SHA-256', manifest.sha256
    yield 'Size', size_words(manifest.total_bytes)
    deadline = manifest.deadline_ms
    yield 'Deadline', '' if deadline is None else f'{deadline:g} ms'
    safe = manifest.safe_decision or {}
    yield 'Safe decision', ', '.join(f'{name} {shown_numbers(v)}' for name, v in safe.items())
    comparison = manifest.comparison
    yield 'Alike', f'within {comparison.tolerance:g} ({comparison.metric.value})'
    yield 'States', ', '.join(f'{state.input} from {state.output}' for state in manifest.state)
    yield 'History', ', '.join(f'{n} of {name}' for name, n in manifest.history.items())
    remembers = bool(manifest.state or manifest.history)
    yield 'Takes over', manifest.take_over.value if remembers else ''
    chunk = manifest.chunk
    yield 'Chunk', '' if chunk is None else _chunk_words(manifest, chunk)
    golden = manifest.golden
    yield 'Golden samples', '' if golden is None else f'{golden.file}, within {golden.tolerance:g}'
    statistics = manifest.input_statistics
    yield 'Input statistics', count(len(statistics), 'feature') if statistics else ''
    measured = manifest.training.get('measured')
    if isinstance(measured, dict):
        for name, value in measured.items():
            yield f'Lab: {name}', json.dumps(value)


def _chunk_words(manifest: Manifest, chunk: Chunk) -> str:
    steps = count(chunk.steps_of(manifest.decisions[0]), 'step')
    blend = f', blends over {chunk.blend}' if chunk.blend else ''
    return f'{steps} of {chunk.step_s:g} s, plays {chunk.execute}{blend}'


def _comparable(manifest: Manifest, other: Manifest) -> Iterator[tuple[str, str]]:
    """Yield what is compared: the same keys for both orders of two manifests."""
    facts = dict(_facts(manifest))
    for key in sorted({*facts, *dict(_facts(other))}):
        yield key, facts.get(key, '')
    for kind in ('inputs', 'outputs'):
        own = {spec.name: spec for spec in getattr(manifest, kind)}
        for name in sorted({*own, *(spec.name for spec in getattr(other, kind))}):
            yield from _tensor_facts(f'{kind[:-1]} {name}', own.get(name))


def _tensor_facts(title: str, spec: TensorSpec | None) -> Iterator[tuple[str, str]]:
    yield title, 'none' if spec is None else tensor_words(spec)
    for key in ('low', 'high', 'rate_limit'):
        value = None if spec is None else getattr(spec, key)
        yield f'{title}: {key}', shown_numbers(value)


def _tensors(specs: Sequence[TensorSpec]) -> str:
    return ', '.join(f'{spec.name} {tensor_words(spec)}' for spec in specs)


def shown_numbers(value: float | Sequence[float] | None) -> str:
    """Write a number or the first ones of several; nothing for None."""
    if value is None:
        return ''
    if isinstance(value, (int, float)):
        return f'{value:.4g}'
    shown = ', '.join(f'{number:.4g}' for number in value[:_NUMBERS])
    more = len(value) - _NUMBERS
    return shown + (f' and {more} more' if more > 0 else '')


def version_table(*headers: str) -> Table:
    """Return a table with these headers, without lines."""
    table = Table(box=None, pad_edge=False, header_style='bold', padding=(0, 2, 0, 0))
    for header in headers:
        table.add_column(header, overflow='fold')
    return table
