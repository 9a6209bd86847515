# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks in columns: the same tasks as in rows."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from hotswap_ros.gates.analysis import Record, Records


@pytest.fixture(params=[0, 1, 2, 25_000])
def rows(request: pytest.FixtureRequest) -> list[Record]:
    draw = random.Random(5)
    return [
        Record(
            draw.choice(['v23', 'v24']),
            tasks := draw.randrange(1, 5),
            draw.randrange(tasks + 1),
            draw.randrange(2),
            f'r{draw.randrange(7)}',
            draw.choice(['', 'near', 'größer']),
            float(number),
            f't{number}',
            draw.choice(['', 'dropped']),
            draw.uniform(1, 9),
            draw.random(),
            draw.uniform(1, 9),
            float(draw.randrange(3)),
        )
        for number in range(request.param)
    ]


def test_rows_come_back_as_they_were(rows: list[Record]) -> None:
    records = Records.of(rows)
    assert list(records) == rows
    assert len(records) == len(rows)
    assert all(type(field) in (str, int, float) for row in records[:2] for field in row)
    if rows:
        assert records[-1] == rows[-1]
        assert list(records[: len(rows) // 2]) == rows[: len(rows) // 2]


def test_unknown_fields_stay_unknown() -> None:
    (record,) = Records.of([Record('v1', task_id='t')])
    assert math.isnan(record.time)
    assert math.isnan(record.latency_ms)
    assert record.robot_id == record.error == ''


def test_counts_are_those_of_the_rows(rows: list[Record]) -> None:
    own = Records.of(rows).of_version('v24')
    assert own.counts.tasks == sum(row.tasks for row in rows if row.version == 'v24')
    for robot_id, counts in own.counts_by(own.robot_id).items():
        found = [row for row in rows if row.version == 'v24' and row.robot_id == robot_id]
        assert counts.tasks == sum(row.tasks for row in found)
        assert counts.successes == sum(row.successes for row in found)
    assert sorted(own.counts_by(own.robot_id)) == sorted(own.robot_id.seen())


def test_some_rows_in_another_order(rows: list[Record]) -> None:
    records = Records.of(rows)
    order = np.argsort([-row.time for row in rows])
    assert list(records.take(order)) == rows[::-1]
    near = records.take(records.category.equal('near'))
    assert list(near) == [row for row in rows if row.category == 'near']
    assert not len(records.of_version('v99'))
