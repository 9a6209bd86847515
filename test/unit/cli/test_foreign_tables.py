# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tables that other tools and people write: read as what they are, or refused with a remedy."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from hotswap_ros.cli.files.columns import TASK_COLUMNS, Kind
from hotswap_ros.cli.files.tasks import read_trial
from hotswap_ros.cli.files.values import NO, UNKNOWN, YES
from hotswap_ros.gates.analysis import AnalysisError, Record, Trial

Write = Callable[..., Path]
_NESTED = """
{"policy": {"version": "v1"}, "result": {"success": true}}
{"policy": {"version": "v2"}, "result": {"success": false}}
"""


@pytest.fixture
def table(tmp_path: Path) -> Write:
    def write(text: str, encoding: str = 'utf-8', name: str = 'trial.csv') -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def read(path: Path, *columns: str, **options: object) -> list[Record]:
    return list(read_trial(path, columns, **options).records)  # type: ignore[arg-type]


def lines(header: str, *rows: str) -> str:
    return '\n'.join([header, *rows]) + '\n'


def by_version(trial: Trial) -> dict[str, tuple[int, int]]:
    names = sorted(trial.versions)
    return {name: tuple(trial.records.of_version(name).counts) for name in names}


# What is the version?


@pytest.mark.parametrize('name', TASK_COLUMNS[0].all_names)
def test_every_name_of_the_version(table: Write, name: str) -> None:
    records = read(table(lines(f'{name},success', 'a,1', 'b,0')))
    assert [record.version for record in records] == ['a', 'b']


@pytest.mark.parametrize('seldom', TASK_COLUMNS[0].seldom)
@pytest.mark.parametrize('clear', ['version', 'model', 'policy', 'checkpoint', 'Model Name'])
def test_the_version_wins_over_the_arm(table: Write, clear: str, seldom: str) -> None:
    for header, rows in (
        (f'{clear},{seldom},success', ('v23,left,1', 'v24,right,0', 'v24,left,0')),
        (f'{seldom},{clear},success', ('left,v23,1', 'right,v24,0', 'left,v24,0')),
    ):
        path = table(lines(header, *rows))
        trial = read_trial(path)
        assert trial.versions == {'v23': 1, 'v24': 2}
        assert any(f"version = column '{clear}' (2 versions)" in note for note in trial.notes)
        assert read_trial(path, [f'version={seldom}']).versions == {'left': 2, 'right': 1}


def test_one_model_and_two_arms_is_asked(table: Write) -> None:
    path = table(lines('model,arm,success', 'pick,left,1', 'pick,right,0'))
    with pytest.raises(AnalysisError, match="--column 'version=arm'"):
        read_trial(path)


def test_a_policy_beside_its_version_is_a_model(table: Write) -> None:
    rows = ['pick,v1,1', 'pick,v2,1', 'place,v1,0', 'place,v2,0']
    path = table(lines('policy,version,success', *rows))
    with pytest.raises(AnalysisError, match='--model'):
        read_trial(path)
    assert by_version(read_trial(path, model='pick')) == {'v1': (1, 1), 'v2': (1, 1)}
    assert by_version(read_trial(path, ['model_id='])) == {'v1': (1, 2), 'v2': (1, 2)}
    with pytest.raises(AnalysisError, match='has the models pick, place'):
        read_trial(path, model='push')


@pytest.mark.parametrize(
    ('header', 'rows', 'expected'),
    [
        ('version,task,episode,success', ('v1,a,1,1', 'v2,a,1,1'), ('a', '', math.nan)),
        ('version,episode,episode_id,success', ('v1,0,a,1', 'v2,0,b,1'), ('a', '', math.nan)),
        ('version,timestamp,start_time,success', ('v1,9,5,1', 'v2,9,6,1'), ('', '', 5.0)),
        ('version,success,,', ('v1,1,,', 'v2,0,,'), ('', '', math.nan)),
        ('version,success,started,time', ('v1,1,,7', 'v2,0,,8'), ('', '', 7.0)),
        ('version,success,success_rate', ('v1,1,0.7', 'v2,0,0.7'), ('', '', math.nan)),
        ('version,success,robot,unit', ('v1,1,r1,cm', 'v2,0,r1,cm'), ('', '', math.nan)),
    ],
)
def test_headers_of_which_two_have_one_meaning(
    table: Write, header: str, rows: tuple[str, ...], expected: tuple[str, str, float]
) -> None:
    first, second = read(table(lines(header, *rows)))
    found = first.task_id, first.category, first.time
    assert str(found) == str(expected)
    assert (first.version, second.version) == ('v1', 'v2')


def test_a_date_and_a_time_are_one_moment(table: Write) -> None:
    rows = ['v1,1,2026-03-01,12:00:05', 'v2,1,2026-03-02,00:00:01']
    first, second = read(table(lines('version,success,date,time', *rows)))
    assert second.time - first.time == 12 * 3600 - 4


def test_two_columns_of_one_name_are_chosen_by_position(table: Write) -> None:
    path = table(lines('version,success,success', 'v1,1,0', 'v2,1,0'))
    assert [r.successes for r in read(path, 'success=#3')] == [0, 0]
    with pytest.raises(AnalysisError, match='#2 or #3'):
        read_trial(path, ['success=success'])


@pytest.mark.parametrize(
    ('choice', 'words'),
    [
        ('version', 'ROLE=HEADER'),
        ('colour=red', 'ROLE is one of version'),
        ('version=nothing', "no column 'nothing'"),
        ('version=#9', "no column '#9'"),
        ('version=', '--column'),
    ],
)
def test_a_choice_that_is_none_is_a_sentence(table: Write, choice: str, words: str) -> None:
    with pytest.raises(AnalysisError, match=words):
        read_trial(table(lines('version,success', 'v1,1', 'v2,0')), [choice])


@pytest.mark.parametrize('role', [column for column in TASK_COLUMNS if column.kind is Kind.TEXT])
def test_every_text_can_be_chosen(table: Write, role: object) -> None:
    path = table(lines('version,success,x y', 'v1,1,a', 'v2,0,b'))
    trial = read_trial(path, [f'{role.name}=x y'], model='a' if role.name == 'model_id' else '')  # type: ignore[attr-defined]
    assert any(f"{role.name} = column 'x y'" in note for note in trial.notes)  # type: ignore[attr-defined]


# What is an id?


def test_the_kind_of_a_task_is_no_id(table: Write) -> None:
    rows = [f'{policy},pick_cube,{n % 3 > 0:d}' for policy in ('a', 'b') for n in range(100)]
    trial = read_trial(table(lines('policy,task,success', *rows)))
    assert trial.versions == {'a': 100, 'b': 100}
    assert {record.category for record in trial.records} == {'pick_cube'}
    assert any("'task' is no id" in note for note in trial.notes)


def test_a_kind_beside_an_id_is_the_category(table: Write) -> None:
    rows = [f'v{n % 2},pick_cube,{n},{n % 3 > 0:d}' for n in range(40)]
    found = read(table(lines('version,task,episode,success', *rows)))
    assert [record.task_id for record in found] == [str(n) for n in range(40)]
    assert {record.category for record in found} == {'pick_cube'}


@pytest.mark.parametrize('always', [True, False])
def test_numbers_within_a_run_are_no_ids(table: Write, always: bool) -> None:
    rows = [
        f'{policy},{n},{always or (n + run) % 3 > 0:d}'
        for policy in ('a', 'b')
        for run in range(5)
        for n in range(20)
    ]
    trial = read_trial(table(lines('policy,episode,success', *rows)))
    assert trial.versions == {'a': 100, 'b': 100}


def test_ids_with_opposite_results_are_refused(table: Write) -> None:
    rows = [f'v{n % 2},t{n},1' for n in range(2000)] + [f'v{n % 2},t{n},0' for n in range(100)]
    path = table(lines('version,task_id,success', *rows))
    with pytest.raises(AnalysisError, match=r'100 of 2,000 ids .* lines 2 and 2002'):
        read_trial(path)
    assert sum(read_trial(path, ['task_id=']).versions.values()) == 2100


def test_the_same_task_under_both_versions_is_two_tasks(table: Write) -> None:
    rows = [f'v{version},scene_{n},{version}' for version in (0, 1) for n in range(30)]
    trial = read_trial(table(lines('version,task_id,success', *rows)))
    assert trial.versions == {'v0': 30, 'v1': 30}
    assert not trial.warnings


def test_ids_that_robots_count_themselves(table: Write) -> None:
    rows = [f'v{r % 2},r{r},{n},{n % 2}' for r in range(4) for n in range(10)]
    trial = read_trial(table(lines('version,robot,id,success', *rows)))
    assert sum(trial.versions.values()) == 40
    assert not trial.warnings


def test_ids_that_begin_again_are_other_tasks(table: Write) -> None:
    rows = [f'v1,{n % 50},{n % 2},{1000 + 60 * n}' for n in range(60)]
    trial = read_trial(table(lines('version,task_id,success,started', *rows)))
    assert trial.versions == {'v1': 60}
    assert any(
        'used again at another time' in note and note.endswith(': 10') for note in trial.notes
    )


# Times


@pytest.mark.parametrize('name', ['time', 'timestamp', 't', 'Time'])
def test_a_time_that_is_a_duration(table: Write, name: str) -> None:
    rows = [f'v{n % 2},1,{8 + (n * 7) % 18}' for n in range(200)]
    trial = read_trial(table(lines(f'version,success,{name}', *rows)))
    assert not trial.is_ordered
    assert any('holds durations' in note for note in trial.notes)
    assert read_trial(table(lines('version,success,x', *rows)), ['started=x']).is_ordered


def test_a_time_that_may_be_either_is_asked(table: Write) -> None:
    path = table(lines('version,success,time', 'v1,1,30', 'v2,1,5', 'v1,1,400', 'v2,0,90'))
    with pytest.raises(AnalysisError, match=r"'started=time' or --column 'duration_s=time'"):
        read_trial(path)
    assert read_trial(path, ['started=time']).is_ordered
    assert not read_trial(path, ['duration_s=time', 'started=']).is_ordered


def test_a_rising_time_is_the_start(table: Write) -> None:
    rows = [f'v{n % 2},r{n % 3},1,{n * 0.7}' for n in range(100)]
    assert read_trial(table(lines('version,robot,success,time', *rows))).is_ordered


@pytest.mark.parametrize(
    ('first', 'second'),
    [
        ('1772366400', '1772366402.5'),
        ('1772366400000', '1772366402500'),
        ('1772366400000000', '1772366402500000'),
        ('1772366400000000000', '1772366402500000000'),
        ('1.7723664e9', '1.7723664025e9'),
        ('100', '102.5'),
        ('100,0', '102,5'),
        ('2026-03-01T12:00:00Z', '2026-03-01T12:00:02.5Z'),
        ('2026-03-01 12:00:00', '2026-03-01 12:00:02.500'),
        ('2026-03-01 12:00:00+00:00', '2026-03-01 13:00:02.5+01:00'),
        ('2026-03-01T12:00:00.123456789Z', '2026-03-01T12:00:02.623456789Z'),
        ('2026/03/01 12:00:00', '2026/03/01 12:00:02.5'),
        ('01.03.2026 12:00:00', '01.03.2026 12:00:02,5'),
        ('03/31/2026 12:00:00 PM', '03/31/2026 12:00:02.5 PM'),
        ('31/03/2026 12:00:00', '31/03/2026 12:00:02.5'),
        ('12:00:00', '12:00:02.5'),
    ],
)
def test_times_as_other_tools_write_them(table: Write, first: str, second: str) -> None:
    text = lines('version;success;started', f'v1;1;{first}', f'v2;1;{second}')
    one, two = read(table(text))
    assert two.time - one.time == pytest.approx(2.5, abs=1e-3)


def test_dates_of_a_spreadsheet(table: Write) -> None:
    rows = ['v1,1,46082.50005787037', 'v2,1,46082.5', 'v1,0,46083.5']
    found = read(table(lines('version,success,started', *rows)))
    assert [record.version for record in found] == ['v2', 'v1', 'v1']
    assert found[1].time - found[0].time == pytest.approx(5, abs=1e-3)
    assert found[2].time - found[0].time == pytest.approx(86_400)


def test_seconds_of_a_long_run_are_no_dates(table: Write) -> None:
    rows = [f'v{n % 2},1,{40_000 + n * 10.123}' for n in range(40)]
    found = read(table(lines('version,success,started', *rows)))
    assert found[-1].time - found[0].time == pytest.approx(394.797)


def test_times_in_the_unit_of_their_name(table: Write) -> None:
    rows = ['v1,1,9000,2000', 'v2,1,12000,2000']
    first, second = read(table(lines('version,success,end_time_ms,duration_ms', *rows)))
    assert (first.time, second.time) == (7, 10)


@pytest.mark.parametrize(
    ('cells', 'words'),
    [
        (('1772366400', '1772366402500'), 'as others of the column'),
        (('2026-03-01T12:00:00Z', '2026-03-01 12:00:02'), 'time zone'),
        (('03/04/2026 12:00', '03/05/2026 12:00'), 'day or with the month'),
        (('noon', 'later'), 'is no time'),
        (('2026-13-01', '2026-03-01'), 'is no time'),
    ],
)
def test_times_that_are_not_clear(table: Write, cells: tuple[str, str], words: str) -> None:
    rows = [f'v{n},1,{cell}' for n, cell in enumerate(cells)]
    with pytest.raises(AnalysisError, match=words):
        read_trial(table(lines('version,success,started', *rows)))


@pytest.mark.parametrize('empty', ['', '0', '-1', 'NaT', 'null'])
def test_a_time_that_is_missing(table: Write, empty: str) -> None:
    rows = ['v1,1,1772366400', f'v2,1,{empty}']
    found = read(table(lines('version,success,timestamp', *rows)))
    assert sum(math.isnan(record.time) for record in found) == 1


# Values


@pytest.mark.parametrize('word', sorted(YES | NO | UNKNOWN | {'1.0', '0.0', '1,0', '0,0', '100%'}))
def test_outcomes_in_every_word(table: Write, word: str) -> None:
    for spelled in (word, word.upper(), f' {word} '):
        trial = read_trial(table(f'version;success\nv1;{spelled}\nv2;true\n'))
        won = [record.successes for record in trial.records if record.version == 'v1']
        assert won == [int(word in YES or word in ('1.0', '1,0', '100%'))]
        assert bool(trial.warnings) == (word in UNKNOWN)


def test_partial_credit_is_no_success_unless_asked_for(table: Write) -> None:
    path = table(lines('version,success', 'v1,0.6', 'v1,1.0', 'v2,0', 'v2,0.25'))
    trial = read_trial(path)
    assert by_version(trial) == {'v1': (1, 2), 'v2': (0, 2)}
    assert any(text.startswith('2 tasks have partial credit') for text in trial.warnings)
    assert by_version(read_trial(path, success_at=0.5)) == {'v1': (2, 2), 'v2': (0, 2)}


@pytest.mark.parametrize('cells', [('0.6', '0.4'), ('85', '12'), ('-1', '1')])
def test_scores_need_a_limit(table: Write, cells: tuple[str, str]) -> None:
    path = table(lines('version,score', *(f'v{n},{cell}' for n, cell in enumerate(cells))))
    with pytest.raises(AnalysisError, match='--success-at'):
        read_trial(path)
    limit = (float(cells[0]) + float(cells[1])) / 2
    assert sum(record.successes for record in read(path, success_at=limit)) == 1


def test_a_column_of_failures(table: Write) -> None:
    trial = read_trial(table(lines('version,failed', 'v1,0', 'v1,1', 'v2,false', 'v2,')))
    assert by_version(trial) == {'v1': (1, 2), 'v2': (1, 2)}


def test_a_stuck_task_did_not_succeed(table: Write) -> None:
    trial = read_trial(table(lines('version,success,stuck', 'v1,1,1', 'v1,1,0', 'v2,0,1')))
    assert by_version(trial) == {'v1': (1, 2), 'v2': (0, 1)}
    assert [record.stuck for record in trial.records] == [1, 0, 1]
    assert any(
        text.startswith('1 tasks are marked as succeeded and as stuck') for text in trial.warnings
    )


@pytest.mark.parametrize(
    ('separator', 'cell', 'expected'),
    [
        (';', '21,5', 21.5),
        (';', '1.021,5', 1021.5),
        (',', '"1,021.5"', 1021.5),
        ('\t', '1 021.5', 1021.5),
        (';', "1'021.5", 1021.5),
        ('|', '21.5 ms', 21.5),
        (',', '0.0215 s', 21.5),
        (',', '2.15e1', 21.5),
        (';', '1,021', 1.021),
        (',', '"1,021,000"', 1021000.0),
    ],
)
def test_numbers_as_other_tools_write_them(
    table: Write, separator: str, cell: str, expected: float
) -> None:
    text = lines(
        'version,success,latency_ms'.replace(',', separator), separator.join(['v1', '1', cell])
    )
    (record,) = read(table(text))
    assert record.latency_ms == pytest.approx(expected)


def test_a_comma_that_may_be_either_is_asked(table: Write) -> None:
    with pytest.raises(AnalysisError, match='decimal comma or a thousands comma'):
        read_trial(table(lines('version,success,latency_ms', 'v1,1,"1,021"')))


@pytest.mark.parametrize('cell', ['1,000', '1.000', '1 000', "1'000", '1000.0'])
def test_counts_with_thousands_marks(table: Write, cell: str) -> None:
    path = table(
        lines(
            'version;tasks;successes', f'v1;{cell};900', 'v2;"2,000";1'.replace('"2,000"', '2000')
        )
    )
    assert read_trial(path).versions == {'v1': 1000, 'v2': 2000}


def test_latencies_in_the_unit_of_their_name(table: Write) -> None:
    (record,) = read(table(lines('version,success,latency_s', 'v1,1,0.02')))
    assert record.latency_ms == pytest.approx(20)


# Files


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-32'])
@pytest.mark.parametrize('separator', [',', ';', '\t', '|'])
def test_encodings_and_separators(table: Write, encoding: str, separator: str) -> None:
    text = 'Version,Erfolg größer,Success\r\n"v,1",ä,1\r\nv2,ö,0\r\n'
    text = text.replace(',', separator).replace(f'v{separator}1', f'v{separator}1')
    trial = read_trial(table(text, encoding))
    assert sorted(trial.versions) == sorted([f'v{separator}1', 'v2'])


@pytest.mark.parametrize(
    'text',
    [
        'sep=;\nversion;success\nv1;1\nv2;0\n',
        '# recorded on Monday\n\nversion;success\nv1;1\nv2;0\n',
        '#version,success\nv1,1\nv2,0\n',
        '#{"t_start": 1, "env_id": "Fetch"}\nversion,success\nv1,1\nv2,0\n',
        ',Policy,Success (0/1),Remark\n0,v1,1,"a, b"\n1,v2,0,\n',
        'SW Version;State\nv1;Completed\nv2;Aborted\n',
        'version,success\n\nv1,1\n,\n   \nv2,0\n\n',
        'version,success,\nv1,1,\nv2,0,\n',
        '"version","success"\n"v1","1"\n"v2","0"\n',
        'version,success,remark\nv1,1,"two\nlines"\nv2,0,none\n',
        '{"version": "v1", "success": true}\n\n{"version": "v2", "success": false}\n',
        '[{"version": "v1", "success": 1}, {"success": 0, "version": "v2"}]',
        '{"episodes": [{"version": "v1", "success": 1}, {"version": "v2", "success": null}]}',
        _NESTED,
    ],
)
def test_files_as_other_tools_write_them(table: Write, text: str) -> None:
    columns = ['version=policy.version', 'success=result.success'] if 'policy' in text else []
    assert by_version(read_trial(table(text), columns)) == {'v1': (1, 1), 'v2': (0, 1)}


@pytest.mark.parametrize(
    'text',
    [
        'version,success,remark\nv1,1,x\nv2,1,y\nv2,',
        '{"version":"v1","success":1}\n{"version":"v2","success":1}\n{"version":"v2","succ',
    ],
)
def test_a_last_line_that_is_cut_off(table: Write, text: str) -> None:
    trial = read_trial(table(text))
    assert by_version(trial) == {'v1': (1, 1), 'v2': (1, 1)}
    assert any('cut off' in note for note in trial.notes)


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'PK\x03\x04....', 'save the sheet as CSV'),
        (b'PAR1....', 'read_parquet'),
        (b'\x1f\x8b\x08....', 'gunzip -k'),
        (b'\x28\xb5\x2f\xfd....', 'unzstd -k'),
        (b'\x89HDF\r\n\x1a\n', 'HDF5'),
        (b'v\0e\0r\0s\0i\0o\0n\0', 'iconv'),
        ('version,success\nv1,größe\n'.encode('cp1252'), 'WINDOWS-1252'),
        (b'version,success\nv1,1\n"v2,0\n', 'quote is not closed'),
        (b'1,0,1\n0,1,1\n', 'the first line must name the columns'),
        (b'', 'is empty'),
        (b'{"version": 1}\nnonsense\n', 'line 2: no JSON'),
        (b'{"a": 1, "b": {"c": 2}}\n', "no column 'version'"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / 'trial.csv'
    path.write_bytes(content)
    with pytest.raises(AnalysisError, match=words):
        read_trial(path)
    assert path.read_bytes() == content


def test_errors_name_the_line_in_the_file(table: Write) -> None:
    text = '# head\n\nversion,success,remark\nv1,1,"two\nlines"\n\n,,\nv2,maybe,x\n'
    with pytest.raises(AnalysisError, match="line 8, column 'success': 'maybe'"):
        read_trial(table(text))


def test_what_was_not_used_is_told(table: Write) -> None:
    trial = read_trial(table(lines('version,success,colour', 'v1,1,red', 'v2,0,blue')))
    assert any('not used: colour' in note for note in trial.notes)


def test_no_task_is_lost(table: Write) -> None:
    rows = [f'v{n % 2},r{n % 7},{n % 3 > 0},{n}' for n in range(120_000)]
    trial = read_trial(table(lines('version,robot,success,started', *rows)))
    assert Counter(record.robot_id for record in trial.records) == Counter(
        f'r{n % 7}' for n in range(120_000)
    )


# Nothing is lost, or counted as something else, without a word


def test_row_numbers_without_a_title_shift_no_column(table: Write) -> None:
    """As pandas writes them: `to_csv(sep='\\t')`."""
    records = read(table('\tversion\tsuccess\n0\tv1\t1\n1\tv2\t0\n'))
    assert [(record.version, record.successes) for record in records] == [('v1', 1), ('v2', 0)]


def test_a_json_line_that_is_cut_off_within_an_object_is_told(table: Write) -> None:
    whole = '{"version": "v1", "success": true, "more": {"x": 1}}\n'
    trial = read_trial(table(whole + whole[: whole.index('}') + 1], name='trial.jsonl'))
    assert len(trial.records) == 1
    assert any('cut off' in note for note in trial.notes)


def test_a_json_array_with_an_object_in_each_line_is_whole(table: Write) -> None:
    one = '{"version": "v1", "success": true}'
    trial = read_trial(table(f'[{one},\n{one}]', name='trial.json'))
    assert len(trial.records) == 2
    assert not any('cut off' in note for note in trial.notes)


def test_reading_json_lines_is_told_too(table: Write) -> None:
    told: list[float] = []
    path = table('{"version": "v1", "success": true}\n' * 20_000, name='trial.jsonl')
    read_trial(path, progress=told.append)
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] == 1.0


def test_ids_with_opposite_results_are_found_in_a_file_with_empty_lines(table: Write) -> None:
    rows = ['t1,v1,1', '', 't2,v1,1', 't2,v1,0', 't3,v1,1', 't4,v1,1', 't5,v1,1']
    with pytest.raises(AnalysisError, match='in lines 4 and 5'):
        read(table(lines('task_id,version,success', *rows)))


def test_successes_that_nobody_has_written_are_no_failures(table: Write) -> None:
    rows = ('v1,50,45', 'v2,50,', 'v3,,')
    with pytest.raises(AnalysisError, match=r"line 3, column 'successes': '' .* 50 tasks"):
        read(table(lines('version,tasks,successes', *rows)))
    assert len(read(table(lines('version,tasks,successes', rows[0], rows[2])))) == 2


def test_other_models_are_not_counted_in_warnings_and_lend_no_ids(table: Write) -> None:
    ids = range(4)
    rows = [f'{n},pick,v{n % 2},1' for n in ids] + [f'{n},place,v{n % 2},' for n in ids]
    trial = read_trial(table(lines('task_id,model,version,success', *rows)), model='pick')
    assert [record.task_id for record in trial.records] == [str(n) for n in ids]
    assert not trial.warnings


@pytest.mark.parametrize('word', ['nan', 'None'])
def test_a_column_in_which_all_is_unknown_is_empty(table: Write, word: str) -> None:
    path = table(lines('version,success,started,timestamp', f'a,1,{word},5', f'b,1,{word},6'))
    assert [record.time for record in read(path)] == [5.0, 6.0]


# What is at the end of a file, and in its cells?


@pytest.mark.parametrize('end', ['', '\n'])
@pytest.mark.parametrize('note', ['one\ntwo', 'one\n\ntwo, three', 'a ""word""\nb'])
def test_a_last_cell_of_several_lines_is_no_line_that_was_cut_off(
    table: Write, note: str, end: str
) -> None:
    text = f'version,success,note\na,1,x\nb,0,"{note}"{end}'
    assert len(read(table(text))) == 2


def test_a_last_line_that_was_cut_off_is_left_out(table: Write) -> None:
    text = 'version,success,note\na,1,"one\ntwo"\nb,0,x\nb,1'
    assert len(read(table(text))) == 2


def test_a_large_cell_is_read(table: Write) -> None:
    text = lines('version,success,log', f'a,1,"{"x" * 200_000}"', 'b,0,y')
    assert len(read(table(text))) == 2


def test_a_large_cell_does_not_hide_what_is_wrong(table: Write) -> None:
    text = lines('version,success,log', f'a,1,"{"x" * 200_000}"', 'b,perhaps,y')
    with pytest.raises(AnalysisError, match='perhaps'):
        read(table(text))


def test_names_of_columns_that_are_too_long_are_refused(table: Write) -> None:
    with pytest.raises(AnalysisError, match='first line'):
        read(table(lines('version,success,' + 'x' * 200_000, 'a,1,2')))
