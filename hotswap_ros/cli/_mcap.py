# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Recordings of the fleet's topics (MCAP, as `ros2 bag record` writes them), read without ROS."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mcap.exceptions import McapError
from mcap.reader import NonSeekingReader
from mcap.records import Schema
from mcap_ros2.decoder import DecoderFactory

from hotswap_ros.gates.analysis import AnalysisError, Latency, Record, Trial

_PACKAGE = 'hotswap_ros/msg/'

Counts = np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class Recording:
    """What a recording holds of one model; `cut_short` when its end is missing."""

    tasks: list[Record] = field(default_factory=list)
    latency: dict[str, Latency] = field(default_factory=dict)
    shadows: list[Any] = field(default_factory=list)
    shadow_offered: dict[str, int] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    cut_short: bool = False

    def trial(self, path: Path) -> Trial:
        """Return its tasks as a trial. Raises AnalysisError when there are none."""
        if not self.tasks:
            raise AnalysisError(
                f'{path.name} has no {_PACKAGE}TaskResult: record the topic /fleet/task_results'
            )
        notes = [f'{len(self.tasks):,} tasks from {path.name}']
        if not self.latency:
            notes.append('no latencies: record the topic /fleet/telemetry too')
        if self.cut_short:
            notes.append('the recording ends in the middle of a message: what came before is used')
        return Trial.of(self.tasks, self.latency, notes)


def read_recording(path: Path, model: str = '') -> Recording:
    """
    Read the task results, telemetry and shadow comparisons of one model.

    Topics are known by their message types, whatever they are called. Raises AnalysisError for a
    file that is no recording, or that has several models when none is named.
    """
    recording = Recording()
    counters = _Counters()
    seen: set[tuple[str, str, int]] = set()
    for kind, message in _messages(path, recording):
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
    several = len(recording.models) > 1 and not model
    if several or (model and model not in recording.models):
        found = ', '.join(sorted(recording.models)) or 'none'
        raise AnalysisError(f'{path.name} has the models {found}: name one of them with --model')
    recording.latency = counters.latency()
    recording.shadow_offered = counters.shadow_offered()
    return recording


def _messages(path: Path, recording: Recording) -> Iterator[tuple[str, Any]]:
    factory = DecoderFactory()
    decoders: dict[int, Callable[[bytes], Any] | None] = {}
    found = False
    try:
        with path.open('rb') as file:
            # From front to back: a recording whose robot died has no index at its end.
            for schema, channel, message in NonSeekingReader(file).iter_messages(
                log_time_order=False
            ):
                found = True
                if channel.id not in decoders:
                    decoders[channel.id] = _decoder(factory, channel.message_encoding, schema)
                decode = decoders[channel.id]
                if decode is not None and schema is not None:
                    yield schema.name.removeprefix(_PACKAGE), decode(message.data)
    except (struct.error, UnicodeDecodeError) as error:
        raise AnalysisError(
            f'{path.name} holds a message that does not fit its schema ({error}): was it recorded '
            'with the interfaces of another version of hotswap_ros?'
        ) from error
    except McapError as error:
        if not found:
            raise AnalysisError(
                f'{path.name} is no MCAP recording ({error}): record with '
                "'ros2 bag record --storage mcap /fleet/task_results /fleet/telemetry'"
            ) from error
        recording.cut_short = True
    except OSError as error:
        raise AnalysisError(f'{path} cannot be read: {error}') from error


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
            'with rosbag2, which writes CDR with ros2msg'
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
    Latencies and shadow counts, from counts that only ever grow within one boot of a robot.

    So the newest snapshot of a boot is the largest, however messages were lost or mixed up. What a
    robot had counted before the recording began is taken off.
    """

    def __init__(self) -> None:
        self._edges: list[float] = []
        self._boots: dict[str, str] = {}
        self._reference: dict[tuple[str, str, str], Counts] = {}
        self._newest: dict[tuple[str, str, str], Counts] = {}

    def add(self, message: Any) -> None:
        """Take a snapshot."""
        self._edges = list(message.latency_bucket_edges_ms)
        is_first = message.robot_id not in self._boots
        first_boot = self._boots.setdefault(message.robot_id, message.boot_id)
        for version in message.versions:
            key = (message.robot_id, message.boot_id, version.version)
            counts = np.array([version.shadow_offered, *version.latency_buckets], np.int64)
            if is_first and message.boot_id == first_boot:
                self._reference[key] = counts
            if key not in self._newest or counts.sum() > self._newest[key].sum():
                self._newest[key] = counts

    def latency(self) -> dict[str, Latency]:
        """Return the histogram of every version, each request at the upper edge of its bucket."""
        # The last bucket has no upper edge: twice the lower one stands for it.
        values = np.array([*self._edges, 2 * self._edges[-1]]) if self._edges else np.array([])
        return {
            version: Latency(values, counts[1:], 'requests')
            for version, counts in self._total().items()
            if counts[1:].sum()
        }

    def shadow_offered(self) -> dict[str, int]:
        """Return how many observations every version was to decide on as a shadow."""
        return {v: int(counts[0]) for v, counts in self._total().items() if counts[0]}

    def _total(self) -> dict[str, Counts]:
        total: dict[str, Counts] = {}
        for key, counts in self._newest.items():
            new = counts - self._reference.get(key, 0)
            total[key[2]] = total.get(key[2], 0) + new
        return total
