# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The columns that are understood in other people's tables, and the choice among them."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hotswap_ros.gates.analysis import AnalysisError
from hotswap_ros.limits import NAME_CHARACTERS


class Kind(enum.Enum):
    """What the cells of a column are."""

    TEXT = 'text'
    ID = 'id'
    YES_NO = 'yes or no'
    NUMBER = 'number'
    COUNT = 'count'
    MOMENT = 'moment'
    DURATION = 'duration'


@dataclass(frozen=True)
class Column:
    """
    One column: its name here, its names elsewhere (the first one found is taken), its meaning.

    `seldom` are names that may mean something else: they count only if no other name is found.
    `unit` is the unit of a column whose name does not end with one.
    """

    name: str
    kind: Kind
    meaning: str
    names: tuple[str, ...] = ()
    seldom: tuple[str, ...] = ()
    unit: str = ''

    @property
    def all_names(self) -> tuple[str, ...]:
        """Return every name, the preferred ones first."""
        return self.name, *self.names, *self.seldom


#: The columns of a table of tasks.
TASK_COLUMNS = (
    Column(
        'version',
        Kind.TEXT,
        'the version that acted; required',
        (
            'model_version',
            'policy_version',
            'software_version',
            'sw_version',
            'checkpoint',
            'ckpt',
            'revision',
            'release',
            'model',
            'model_name',
            'model_id',
            'policy',
            'policy_name',
            'policy_id',
            'policy_type',
            'agent',
            'algorithm',
            'algo',
            'method',
        ),
        ('variant', 'treatment', 'condition', 'arm', 'group', 'cohort'),
    ),
    Column(
        'success',
        Kind.YES_NO,
        'whether the task succeeded; required, or `failed`',
        (
            'succeeded',
            'is_success',
            'task_success',
            'success_flag',
            'success_once',
            'binary_success',
            'outcome',
            'result',
            'ok',
            'passed',
            'pass',
            'solved',
            'status',
            'state',
        ),
        ('successful', 'completed', 'score', 'progress', 'success_rate'),
    ),
    Column(
        'failed', Kind.YES_NO, 'the opposite, in place of `success`', ('is_failure', 'has_failed')
    ),
    Column(
        'robot_id',
        Kind.TEXT,
        'without it, tasks are assumed to be independent',
        (
            'robot',
            'robot_name',
            'robot_serial',
            'serial_number',
            'serial',
            'device_id',
            'device',
            'unit_id',
            'unit',
            'machine_id',
            'machine',
            'vehicle_id',
            'vehicle',
            'agv_id',
            'agv',
            'hostname',
            'host',
            'station',
        ),
    ),
    Column(
        'started',
        Kind.MOMENT,
        'the start of the task; without it, nothing is shown over time',
        (
            'started_at',
            'start_time',
            'start',
            'start_stamp',
            'start_timestamp',
            'begin',
            'begin_time',
            'timestamp',
            'time_stamp',
            'datetime',
            'date_time',
            'stamp',
            'created_at',
            'recorded_at',
            'logged_at',
            'ts',
        ),
        ('time', 't', 'date', 'day'),
        unit='s',
    ),
    Column(
        'ended',
        Kind.MOMENT,
        'the end of the task, in place of `started`',
        ('ended_at', 'end_time', 'end', 'end_stamp', 'finished_at', 'finished', 'stop_time'),
        unit='s',
    ),
    Column(
        'duration_s',
        Kind.DURATION,
        'how long the task took, which is compared beside success; with `ended`, it gives the '
        'start',
        (
            'duration',
            'task_duration',
            'elapsed',
            'elapsed_time',
            'execution_time',
            'completion_time',
            'cycle_time',
            'task_time',
            'time_taken',
            'seconds',
        ),
        unit='s',
    ),
    Column(
        'category',
        Kind.TEXT,
        'task category',
        (
            'task_category',
            'task_type',
            'task_kind',
            'task_name',
            'object_type',
            'object',
            'scenario',
            'skill',
            'instruction',
            'env_name',
            'env',
            'type',
        ),
        ('task',),
    ),
    Column(
        'task_id',
        Kind.ID,
        'to find the task in other files; a column that repeats within a version is no id',
        (
            'task_uuid',
            'uuid',
            'episode_id',
            'trial_id',
            'run_id',
            'rollout_id',
            'mission_id',
            'order_id',
            'job_id',
            'id',
            'task',
            'episode',
            'episode_index',
            'episode_ix',
            'trial',
            'rollout',
            'run',
        ),
    ),
    Column(
        'stuck', Kind.YES_NO, 'whether the task had to be abandoned', ('is_stuck', 'abandoned')
    ),
    Column(
        'progress',
        Kind.YES_NO,
        'the part of the task that was done, 0 to 1, which is compared beside success',
        ('task_progress', 'partial_credit', 'completion', 'completion_rate'),
    ),
    Column(
        'interventions',
        Kind.COUNT,
        'how often a person helped, which is compared beside success',
        (
            'intervention_count',
            'n_interventions',
            'num_interventions',
            'human_interventions',
            'takeovers',
            'assists',
        ),
    ),
    Column(
        'error',
        Kind.TEXT,
        'how it failed',
        ('error_msg', 'error_message', 'failure_reason', 'failure_mode', 'failure', 'reason'),
    ),
    Column(
        'latency_ms',
        Kind.DURATION,
        'inference latency of the task',
        (
            'latency',
            'latency_p95',
            'inference',
            'inference_time',
            'inference_latency',
            'response_time',
        ),
        unit='ms',
    ),
    Column(
        'model_id',
        Kind.TEXT,
        'the named policy, beside a version: `--model` selects one',
        ('model', 'model_name', 'policy', 'policy_name'),
    ),
    Column(
        'tasks',
        Kind.COUNT,
        'for counts: how many tasks',
        ('n', 'n_tasks', 'count', 'total'),
        ('trials', 'episodes', 'attempts'),
    ),
    Column(
        'successes',
        Kind.COUNT,
        'for counts: how many of them succeeded',
        ('n_success', 'n_successes', 'num_success', 'successful', 'wins', 'success_count'),
    ),
)

#: The columns of a table of shadow comparisons.
SHADOW_COLUMNS = (
    Column('task_id', Kind.ID, 'the task; required', ('task', 'id', 'episode', 'episode_id')),
    Column('steps', Kind.COUNT, 'compared steps of the task', ('compared', 'n')),
    Column('agreed', Kind.COUNT, 'steps with the same decision', ('agreements',)),
    Column(
        'agreement',
        Kind.YES_NO,
        'in place of both, with one step per line: the same decision?',
        ('agrees', 'same'),
    ),
    Column(
        'offered',
        Kind.COUNT,
        'steps that should have been compared; without it, the difference of success has no bound',
        ('observations',),
    ),
    Column('version', Kind.TEXT, 'the stable version', ('stable_version', 'stable', 'control')),
    Column('shadow_version', Kind.TEXT, 'the shadow', ('shadow', 'candidate')),
    Column(
        'success',
        Kind.YES_NO,
        'what the stable version did',
        ('succeeded', 'outcome', 'stable_success'),
    ),
    Column(
        'shadow_success',
        Kind.NUMBER,
        'what a simulator or an outcome model says of the shadow: true, false, or a probability '
        'from 0 to 1',
        ('predicted_success', 'estimated_success', 'shadow_would_succeed'),
    ),
    Column(
        'propensity',
        Kind.NUMBER,
        'logged propensity of a stochastic policy, for the off-policy estimate',
        ('logged_propensity',),
    ),
    Column('shadow_propensity', Kind.NUMBER, 'the same of the shadow', ('target_propensity',)),
    Column(
        'model',
        Kind.NUMBER,
        'prediction of an outcome model, for the doubly robust estimate',
        ('predicted_stable',),
    ),
    Column('shadow_model', Kind.NUMBER, 'the same for the shadow', ('predicted_shadow',)),
)

#: The columns of a table of reviewed failures.
REVIEW_COLUMNS = (
    Column('task_id', Kind.ID, 'the task', ('task', 'id', 'episode', 'episode_id')),
    Column('version', Kind.TEXT, 'the version', ('model_version', 'policy', 'model')),
    Column(
        'was_right',
        Kind.YES_NO,
        'true if the task succeeded although it counts as failed; required',
        ('correct', 'right', 'actually_correct', 'reviewer_verdict', 'verdict'),
    ),
)

#: Columns of a table of inputs; every other column is a feature.
INPUT_COLUMNS = (
    Column('task_id', Kind.ID, 'the task', ('task', 'id', 'episode', 'episode_id')),
    Column('version', Kind.TEXT, 'the version', ('model_version', 'policy', 'model')),
    Column('robot_id', Kind.TEXT, 'no feature', ('robot', 'device')),
    Column('category', Kind.TEXT, 'no feature', ('task_category', 'task_type')),
    Column('started', Kind.MOMENT, 'no feature', ('time', 'stamp', 'timestamp')),
)

#: Endings of a column's name that are units, and their length in seconds.
UNITS: Mapping[str, float] = {
    'ns': 1e-9,
    'nsec': 1e-9,
    'us': 1e-6,
    'usec': 1e-6,
    'ms': 1e-3,
    'msec': 1e-3,
    'millis': 1e-3,
    'milliseconds': 1e-3,
    's': 1.0,
    'sec': 1.0,
    'secs': 1.0,
    'seconds': 1.0,
    'min': 60.0,
    'mins': 60.0,
    'minutes': 60.0,
    'h': 3600.0,
    'hours': 3600.0,
}
_WITH_UNIT = (Kind.DURATION, Kind.MOMENT)


@dataclass(frozen=True)
class Match:
    """A column of a file that may be the `column`; `unit` if its name ends with one."""

    column: Column
    index: int
    title: str
    rank: int
    unit: str = ''

    @property
    def is_seldom(self) -> bool:
        """Return whether the name often means something else."""
        return self.rank > len(self.column.names)


def key(title: str) -> str:
    """Return a title in the spelling of the names: 'Robot ID' and 'robotId' are robot_id."""
    words = re.sub('([a-z0-9])([A-Z])', r'\1_\2', title.strip())
    return re.sub(r'[^\w]+', '_', words.lower()).strip('_')


def matches(columns: Iterable[Column], titles: Sequence[str]) -> dict[str, list[Match]]:
    """Return for every column the titles of a file that may be it, the preferred one first."""
    found: dict[str, list[Match]] = {}
    for column in columns:
        ranks = {name: rank for rank, name in enumerate(column.all_names)}
        some = []
        for index, title in enumerate(titles):
            rank, unit = _rank(key(title), ranks, column)
            if rank is None and len(title) <= NAME_CHARACTERS:  # 'Success (0/1)'
                rank, unit = _rank(key(re.sub(r'[(\[].*?[)\]]', '', title)), ranks, column)
            if rank is not None:
                some.append(Match(column, index, title, rank, unit))
        found[column.name] = sorted(some, key=lambda one: (one.rank, one.index))
    return found


def _rank(name: str, ranks: Mapping[str, int], column: Column) -> tuple[int | None, str]:
    if column.kind not in _WITH_UNIT:
        return ranks.get(name), ''
    stem, _, unit = name.rpartition('_')
    if unit in UNITS and (stem in ranks or name in ranks):
        return ranks.get(name, ranks.get(stem)), unit
    return ranks.get(name), ''


def parse_choices(texts: Iterable[str], columns: Sequence[Column]) -> dict[str, str]:
    """
    Return the columns that `--column ROLE=HEADER` names; an empty header: there is none.

    Raises AnalysisError.
    """
    known = [column.name for column in columns]
    found = {}
    for text in texts:
        role, equals, header = text.partition('=')
        role = key(role)
        if not equals or role not in known:
            raise AnalysisError(
                f"--column '{text}' is not understood: write ROLE=HEADER, where ROLE is one of "
                f'{", ".join(known)}, and HEADER a column of the file, #3 for its third column, '
                'or nothing if it has none'
            )
        found[role] = header.strip()
    return found


def chosen_index(header: str, titles: Sequence[str], file: str) -> int:
    """Return the position of the column that somebody named. Raises AnalysisError."""
    number = re.fullmatch(r'#(\d+)', header)
    if number and 1 <= int(number[1]) <= len(titles):
        return int(number[1]) - 1
    for spelled in (lambda title: title.strip(), key):
        found = [index for index, title in enumerate(titles) if spelled(title) == spelled(header)]
        if len(found) == 1:
            return found[0]
        if found:
            numbers = ' or '.join(f'#{index + 1}' for index in found)
            raise AnalysisError(
                f"{file} has several columns '{header}': name one by its position, {numbers}"
            )
    raise AnalysisError(f"{file} has no column '{header}' (found: {', '.join(titles)})")
