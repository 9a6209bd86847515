# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Reader of recordings of the fleet's topics, without ROS."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from mcap.records import Schema
from mcap_ros2.decoder import DecoderFactory

from hotswap_ros.cli.files.bag import Bag
from hotswap_ros.gates.analysis import AnalysisError, Latency, Record, Trial
from hotswap_ros.models import succeeded
from hotswap_ros.models.counter_delta import CounterTracker, Vector, add_counts, rise

_PACKAGE = 'hotswap_ros/msg/'
_WANTED = {
    f'{_PACKAGE}{name}'
    for name in ('TaskResult', 'ModelTelemetry', 'ShadowComparison', 'RobotStatus')
}

#: Counts of one version by name: the input features, and these two.
_Snapshot = dict[str, Vector]
_LATENCY, _SHADOW = 'latency', 'shadowed observations'


@dataclass
class Recording:
    """The data of one model in a recording; `notes` say which parts are missing."""

    tasks: list[Record] = field(default_factory=list)
    latency: dict[str, Latency] = field(default_factory=dict)
    shadows: list[Any] = field(default_factory=list)
    shadow_offered: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, dict[str, tuple[int, ...]]] = field(default_factory=dict)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def trial(self, path: Path) -> Trial:
        """Return its tasks as a trial. Raises AnalysisError if there are none."""
        if not self.tasks:
            raise AnalysisError(
                f'{path.name} has no {_PACKAGE}TaskResult: record the topic /fleet/task_results'
            )
        notes = [f'{len(self.tasks):,} tasks from {path.name}']
        if not self.latency:
            notes.append('no latencies: also record the topic /fleet/telemetry')
        trial = Trial.of(self.tasks, self.latency, notes, self.notes)
        return replace(trial, inputs=self.inputs, labels=self.labels)


def read_recording(path: Path, model: str = '') -> Recording:
    """
    Read the task results, telemetry, shadow comparisons and robots' labels of one model.

    `path` is the folder that rosbag2 writes, or one file of it. Topics are recognised by their
    message types. Raises AnalysisError for what is no recording, or has several models if none is
    named.
    """
    recording = Recording()
    counters = _Counters()
    seen = _Seen(path)
    bag = Bag(path)
    for kind, message, data in _messages(bag):
        try:
            if kind == 'RobotStatus':  # labels belong to the robot, not to one of its models
                recording.labels[message.robot_id] = tuple(message.labels)
                continue
            recording.models[message.model_id] = recording.models.get(message.model_id, 0) + 1
            if model and message.model_id != model:
                continue
            if kind == 'ModelTelemetry':
                counters.add(message)
            elif kind == 'TaskResult':
                if seen.is_new(message, data):
                    recording.tasks.append(_record(message))
            elif seen.is_new_comparison(data):
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
    recording.notes = [f'The recording: {note}.' for note in (*bag.notes, *seen.notes())]
    return recording


class _Seen:
    """Task results and comparisons that were read: a topic may be recorded twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._results: dict[tuple[str, str, int], bytes] = {}
        self._comparisons: set[bytes] = set()
        self._again = {'task results': 0, 'shadow comparisons': 0}

    def is_new(self, message: Any, data: bytes) -> bool:
        """Return whether a result is another one. Raises AnalysisError if it contradicts one."""
        key = (message.robot_id, message.task_id, _nanoseconds(message.stamp))
        digest = _digest(data)
        known = self._results.setdefault(key, digest)
        if known is digest:
            return True
        if known != digest:
            raise AnalysisError(
                f"{self._path.name}: task '{message.task_id[:60]}' of robot "
                f"'{message.robot_id[:60]}' has two results of one moment that contradict each "
                'other: do two robots use one robot_id? Record them apart'
            )
        self._again['task results'] += 1
        return False

    def is_new_comparison(self, data: bytes) -> bool:
        """Return whether a comparison, with its moment, latencies and outputs, is another one."""
        digest = _digest(data)
        is_new = digest not in self._comparisons
        self._comparisons.add(digest)
        self._again['shadow comparisons'] += not is_new
        return is_new

    def notes(self) -> list[str]:
        """Return what was left out."""
        return [
            f'{n:,} {what} are in it again, and were left out'
            for what, n in self._again.items()
            if n
        ]


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _messages(bag: Bag) -> Iterator[tuple[str, Any, bytes]]:
    decoders: dict[Any, Callable[[bytes], Any]] = {}
    for schema, encoding, data in bag.messages(_WANTED.__contains__):
        name, definition = ('', b'') if schema is None else (schema.name, schema.data)
        key = name, definition, encoding
        if key not in decoders:
            decoders[key] = _decoder(bag.path, encoding, schema)
        yield name.removeprefix(_PACKAGE), _decoded(bag.path, decoders[key], data), data


def _decoded(path: Path, decoder: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return decoder(data)
    except Exception as error:  # the definition is in the file: anything may come of it
        raise _does_not_fit(path, error) from error


def _does_not_fit(path: Path, error: Exception) -> AnalysisError:
    return AnalysisError(
        f'{path.name} has a message that cannot be read ({str(error)[:200]}): was it recorded '
        'with another version of hotswap_ros?'
    )


def _decoder(path: Path, encoding: str, schema: Schema | None) -> Callable[[bytes], Any]:
    # A factory goes by the number of a schema, which another part may use for another one.
    try:
        decoder = None if schema is None else DecoderFactory().decoder_for(encoding, schema)
    except Exception as error:  # the parser raises errors of many kinds
        raise _does_not_fit(path, error) from error
    if decoder is None:
        written = 'no schema' if schema is None else f'a schema in {schema.encoding}'
        raise AnalysisError(
            f'the messages are recorded as {encoding} with {written}: record with rosbag2, which '
            'writes cdr with ros2msg'
        )
    return decoder


def _record(message: Any) -> Record:
    ended = _nanoseconds(message.stamp)
    return Record(
        version=message.version,
        successes=int(succeeded(message.success, message.stuck)),
        stuck=int(message.stuck),
        robot_id=message.robot_id,
        category=message.category,
        time=(ended - _nanoseconds(message.duration)) / 1e9,
        task_id=message.task_id,
        error=message.error,
        progress=_reported(message, 'progress'),
        duration_s=_nanoseconds(message.duration) / 1e9 or math.nan,
        interventions=_reported(message, 'interventions'),
    )


def _reported(message: Any, name: str) -> float:
    """Return a figure that recordings of older versions do not have; NaN if it is unknown."""
    found = getattr(message, name, -1)
    return float(found) if found >= 0 else math.nan


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
