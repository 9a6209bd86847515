# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The ONNX runtime: its settings, and the placement of a version on execution providers."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import onnxruntime as ort

# Some builds of the runtime report usage to its vendor. Robots report to nobody.
ort.disable_telemetry_events()

CPU = 'CPUExecutionProvider'


@dataclass(frozen=True)
class RuntimeSettings:
    """
    Settings of the runtime.

    `providers` are execution providers, best first, by the runtime's names or without their ending
    ("cuda", "CUDAExecutionProvider"): a version runs on the first ones that work, and its
    placement tells which. The CPU is used only where it is named.

    `threads` is for one run of one session. More than one, and `spinning`, which waits for the
    next run at full load, make small models slower when two sessions share few cores.
    `memory_arena`: the runtime keeps memory between runs. Raises ValueError for providers that the
    runtime does not know, and for less than one thread.
    """

    providers: tuple[str, ...] = (CPU,)
    threads: int = 1
    spinning: bool = False
    memory_arena: bool = True

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f'threads is {self.threads}: use 1 or more')
        if not self.providers:
            raise ValueError('providers is empty: name one, such as cpu')
        names = tuple(dict.fromkeys(_full_name(provider) for provider in self.providers))
        object.__setattr__(self, 'providers', names)

    @property
    def is_cpu_only(self) -> bool:
        """Return whether versions run on the CPU and nothing else."""
        return self.providers == (CPU,)


class Placement(NamedTuple):
    """
    The providers that a version runs on, the one with most of its nodes first.

    `note` tells people which of the configured providers are not used; empty: all are.
    """

    providers: tuple[str, ...]
    note: str = ''


#: Placement of a version that is not loaded.
NOWHERE = Placement(())


class RuntimeRefusedError(Exception):
    """The runtime refuses a model; the message is the reason."""


def open_runtime(path: str, settings: RuntimeSettings) -> tuple[ort.InferenceSession, Placement]:
    """Load a file. Raises RuntimeRefusedError."""
    missing = {
        name: 'is not in this build of the runtime'
        for name in settings.providers
        if name not in ort.get_available_providers()
    }
    usable = [name for name in settings.providers if name not in missing]
    if not usable:
        raise RuntimeRefusedError(_nothing_works(missing))
    try:
        runtime = ort.InferenceSession(path, _options(settings, usable), providers=usable)
    except Exception as error:
        raise RuntimeRefusedError(_refusal(str(error))) from error
    # It would silently rebuild itself on another provider when a run fails.
    runtime.disable_fallback()
    started = runtime.get_providers()
    missing |= {name: 'did not start here' for name in usable if name not in started}
    if len(missing) == len(settings.providers):
        raise RuntimeRefusedError(_nothing_works(missing))
    return runtime, _placement(runtime, settings, missing)


def _refusal(said: str) -> str:
    """Return why the runtime refused a file, with the remedy where it is known."""
    # Runtimes before 1.18 name only the file that they do not find.
    if 'external data' not in said.lower() and 'GetFileLength' not in said:
        return f'the runtime refused it: {said}'
    return (
        'its weights are in a second file, as exporters write them by default, and the digest in '
        'the manifest covers one file: export with external_data=False (torch.onnx.export), or '
        "join them with onnx.save_model(onnx.load('model.onnx'), 'joined.onnx'), and publish that "
        f'(the runtime says: {said[:200]})'
    )


def _placement(
    runtime: ort.InferenceSession, settings: RuntimeSettings, missing: dict[str, str]
) -> Placement:
    if settings.is_cpu_only:
        return Placement((CPU,))
    if not hasattr(runtime, 'get_provider_graph_assignment_info'):
        notes = [f'{name} {why}' for name, why in missing.items()]
        notes.append(
            f'which nodes run where is told by onnxruntime 1.24, this is {ort.__version__}'
        )
        return Placement(tuple(runtime.get_providers()), '; '.join(notes))
    nodes = _nodes_by_provider(runtime)
    where = ', '.join(f'{name} runs {count} of its nodes' for name, count in nodes.items())
    notes = [f'{name} {why}' for name, why in missing.items()]
    notes += [
        f'{name} takes none of its nodes'
        for name in settings.providers
        if name not in missing and name not in nodes and name != CPU
    ]
    if len(nodes) > 1:
        notes.append(where)
    return Placement(tuple(nodes), '; '.join(notes))


def _nodes_by_provider(runtime: ort.InferenceSession) -> dict[str, int]:
    nodes: Counter[str] = Counter()
    for part in runtime.get_provider_graph_assignment_info():
        nodes[part.ep_name] += len(part.get_nodes())
    return dict(nodes.most_common())


def _nothing_works(missing: dict[str, str]) -> str:
    reasons = '; '.join(f'execution provider {name} {why}' for name, why in missing.items())
    return f'{reasons} (usable here: {", ".join(ort.get_available_providers())})'


def _full_name(provider: str) -> str:
    """Return the runtime's name of a provider. Raises ValueError."""
    known = {_short_name(name): name for name in ort.get_all_providers()}
    name = known.get(_short_name(provider))
    if name is None:
        raise ValueError(
            f"'{provider}' is no execution provider: use one of {', '.join(sorted(known))}"
        )
    return str(name)


def _short_name(provider: str) -> str:
    return str(provider).removesuffix('ExecutionProvider').lower()


def _options(settings: RuntimeSettings, usable: list[str]) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = settings.memory_arena
    spinning = str(int(settings.spinning))
    options.add_session_config_entry('session.intra_op.allow_spinning', spinning)
    options.add_session_config_entry('session.inter_op.allow_spinning', spinning)
    if not settings.is_cpu_only:
        options.add_session_config_entry('session.record_ep_graph_assignment_info', '1')
    if CPU not in usable:
        options.add_session_config_entry('session.disable_cpu_ep_fallback', '1')
    # Weights outside the file would escape its digest. Nothing lies below this path.
    options.add_session_config_entry(
        'session.model_external_initializers_file_folder_path', os.devnull
    )
    # Errors reach the caller as exceptions; the runtime's own copy on stderr is noise.
    options.log_severity_level = 4
    return options
