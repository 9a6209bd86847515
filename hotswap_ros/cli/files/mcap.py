# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reader of MCAP recordings of the fleet's topics, without ROS."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from mcap.reader import NonSeekingReader
from mcap.records import Schema
from mcap_ros2.decoder import DecoderFactory

from hotswap_ros.gates.analysis import AnalysisError, Latency, Record, Trial
from hotswap_ros.models.counter_delta import CounterTracker, Vector, add_counts, rise

_PACKAGE = 'hotswap_ros/msg/'

#: Counts of one version by name: the input features, and these two.
_Snapshot = dict[str, Vector]
_LATENCY, _SHADOW = 'latency', 'shadowed observations'


@dataclass
class Recording:
    """The data of one model in a recording; `cut_short` if its end is missing."""

    tasks: list[Record] = field(default_factory=list)
    latency: dict[str, Latency] = field(default_factory=dict)
    shadows: list[Any] = field(default_factory=list)
    shadow_offered: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, dict[str, tuple[int, ...]]] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    cut_short: bool = False

    def trial(self, path: Path) -> Trial:
        """Return its tasks as a trial. Raises AnalysisError if there are none."""
        if not self.tasks:
            raise AnalysisError(
                f'{path.name} has no {_PACKAGE}TaskResult: record the topic /fleet/task_results'
            )
        notes = [f'{len(self.tasks):,} tasks from {path.name}']
        if not self.latency:
            notes.append('no latencies: also record the topic /fleet/telemetry')
        if self.cut_short:
            notes.append('the recording is cut off or damaged: only the part before is used')
        return replace(Trial.of(self.tasks, self.latency, notes), inputs=self.inputs)


def read_recording(path: Path, model: str = '') -> Recording:
    """
    Read the task results, telemetry and shadow comparisons of one model.

    Topics are recognised by their message types. Raises AnalysisError for a file that is no
    recording, or that has several models if none is named.
    """
    recording = Recording()
    counters = _Counters()
    seen: set[tuple[str, str, int]] = set()
    for kind, message in _messages(path, recording):
        try:
            recording.models[message.model_id] = recording.models.get(message.model_id, 0) + 1
            if model and message.model_id != model:
                continue
            if kind == 'TaskResult':
                key = (message.robot_id, message.task_id, _nanoseconds(message.stamp))
                if key not in seen:  # a robot may be recorded twice
                    seen.add(key)
                    recording.tasks.append(_record(message))
            elif kind == 'ModelTelemetry':
                counters.add(message)
            else:
                recording.shadows.append(message)
        except AttributeError as error:
            raise _does_not_fit(path, error) from error
    several = len(recording.models) > 1 and not model
    if several or (model and model not in recording.models):
        found = ', '.join(sorted(recording.models)) or 'none'
        raise AnalysisError(f'{path.name} has the models {found}: name one with --model')
    recording.latency = counters.latency()
    recording.shadow_offered = counters.shadow_offered()
    recording.inputs = counters.inputs()
    return recording


def _messages(path: Path, recording: Recording) -> Iterator[tuple[str, Any]]:
    factory = DecoderFactory()
    decoders: dict[int, Callable[[bytes], Any] | None] = {}
    for schema, channel, message in _undecoded(path, recording):
        if channel.id not in decoders:
            decoders[channel.id] = _decoder(factory, channel.message_encoding, schema)
        decode = decoders[channel.id]
        if decode is None or schema is None:
            continue
        try:
            decoded = decode(message.data)
        except (struct.error, ValueError, IndexError) as error:
            raise _does_not_fit(path, error) from error
        yield schema.name.removeprefix(_PACKAGE), decoded


def _undecoded(path: Path, recording: Recording) -> Iterator[tuple[Schema | None, Any, Any]]:
    found = False
    try:
        with path.open('rb') as file:
            # From front to back: a recording of a robot that crashed has no index at its end.
            messages = NonSeekingReader(file).iter_messages(log_time_order=False)
            while (entry := _next(messages)) is not None:
                found = True
                yield entry
    except OSError as error:
        raise AnalysisError(f'{path} cannot be read: {error}') from error
    except _Damaged as error:
        if not found:
            raise AnalysisError(
                f'{path.name} is no MCAP recording, or has no complete message: record with '
                "'ros2 bag record --storage mcap /fleet/task_results /fleet/telemetry'"
            ) from error
        recording.cut_short = True


class _Damaged(Exception):
    """The rest of the file is no recording."""


def _next(messages: Iterator[Any]) -> Any:
    try:
        return next(messages, None)
    except OSError:
        raise
    except Exception as error:  # the parser and two decompressors raise their own errors
        raise _Damaged from error


def _does_not_fit(path: Path, error: Exception) -> AnalysisError:
    return AnalysisError(
        f'{path.name} has a message that cannot be read ({error}): was it recorded with '
        'another version of hotswap_ros?'
    )


def _decoder(
    factory: DecoderFactory, encoding: str, schema: Schema | None
) -> Callable[[bytes], Any] | None:
    wanted = {f'{_PACKAGE}{name}' for name in ('TaskResult', 'ModelTelemetry', 'ShadowComparison')}
    if schema is None or schema.name not in wanted:
        return None
    decoder = factory.decoder_for(encoding, schema)
    if decoder is None:
        raise AnalysisError(
            f'{schema.name} is recorded as {encoding} with a schema in {schema.encoding}: record '
            'with rosbag2, which writes cdr with ros2msg'
        )
    return decoder


def _record(message: Any) -> Record:
    ended = _nanoseconds(message.stamp)
    return Record(
        version=message.version,
        successes=int(message.success),
        stuck=int(message.stuck),
        robot_id=message.robot_id,
        category=message.category,
        time=(ended - _nanoseconds(message.duration)) / 1e9,
        task_id=message.task_id,
        error=message.error,
    )


def _nanoseconds(stamp: Any) -> int:
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


class _Counters:
    """
    Latencies, shadow and input counts of each version.

    Counts from before the recording are left out.
    """

    def __init__(self) -> None:
        self._edges: list[float] = []
        self._tracker = CounterTracker(rise)
        self._sums: dict[str, _Snapshot] = {}

    def add(self, message: Any) -> None:
        """Take a snapshot."""
        self._edges = list(message.latency_bucket_edges_ms)
        counts = {
            f'{version.version}\n{name}': vector
            for version in message.versions
            for name, vector in _snapshot(version).items()
        }
        delta = self._tracker.advance(message.robot_id, message.boot_id, counts)
        if delta is None:
            return
        for key, vector in counts.items():
            version, _, name = key.partition('\n')
            self._add(version, name, delta.counts.get(key, (0,) * len(vector)))

    def _add(self, version: str, name: str, new: Vector) -> None:
        total = self._sums.setdefault(version, {})
        known = total.get(name, new)
        if len(known) != len(new):
            raise AnalysisError(
                f'some robots count {name} of {version} in {len(known)} bins, others in '
                f'{len(new)}: analyze robots with the same version of hotswap_ros'
            )
        add_counts(total, {name: new})

    def latency(self) -> dict[str, Latency]:
        """Return the histogram of every version, each request at the upper edge of its bucket."""
        # The last bucket has no upper edge: twice its lower edge is used.
        values = np.array([*self._edges, 2 * self._edges[-1]]) if self._edges else np.array([])
        return {
            version: Latency(values, np.array(counts[_LATENCY], np.int64), 'requests')
            for version, counts in self._sums.items()
            if len(counts[_LATENCY]) == len(values) and any(counts[_LATENCY])
        }

    def shadow_offered(self) -> dict[str, int]:
        """Return the number of observations that each version received as a shadow."""
        return {v: counts[_SHADOW][0] for v, counts in self._sums.items() if counts[_SHADOW][0]}

    def inputs(self) -> dict[str, dict[str, tuple[int, ...]]]:
        """Return, by version, the counts of each input feature between its training deciles."""
        return {
            version: {n: c for n, c in counts.items() if n not in (_LATENCY, _SHADOW)}
            for version, counts in self._sums.items()
        }


def _snapshot(version: Any) -> _Snapshot:
    features = version.input_features
    bins = len(version.input_bins) // len(features) if len(features) else 0
    return {
        _SHADOW: (version.shadow_offered,),
        _LATENCY: tuple(version.latency_buckets),
        **{
            name: tuple(version.input_bins[index * bins : (index + 1) * bins])
            for index, name in enumerate(features)
        },
    }
