# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The flag's control loop: one interval, one move."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotswap_ros.gates import CheckResult, Ramp, Verdict, next_share


def said(*verdicts: Verdict) -> list[CheckResult]:
    return [
        CheckResult(f'check {n}', v, 'e-process', f'{v.value}.') for n, v in enumerate(verdicts)
    ]


FINE = said(Verdict.PASS, Verdict.PASS)
WORSE = said(Verdict.PASS, Verdict.FAIL)


def test_up_a_tenth_while_not_worse() -> None:
    share, shares = 0.0, []
    for _ in range(11):
        share = next_share(share, FINE, 100).share
        shares.append(share)
    assert shares == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0]


def test_down_a_tenth_when_worse_and_no_further_than_zero() -> None:
    share, shares = 0.25, []
    for _ in range(4):
        move = next_share(share, WORSE, 100)
        share = move.share
        shares.append(share)
    assert shares == [0.15, 0.05, 0.0, 0.0]
    assert move.verdict is Verdict.FAIL


def test_at_zero_the_first_step_needs_no_evidence_but_harm_forbids_it() -> None:
    nothing = said(Verdict.INCONCLUSIVE)
    assert next_share(0.0, nothing, 0).share == 0.1
    assert next_share(0.0, WORSE, 0).share == 0.0


@pytest.mark.parametrize(
    ('checks', 'new_tasks', 'words'),
    [
        (FINE, 3, '3 tasks in this interval, 20 needed'),
        (FINE, 0, '0 tasks in this interval'),
        (said(Verdict.PASS, Verdict.INCONCLUSIVE), 100, 'inconclusive.'),
        (said(Verdict.PENDING), 100, 'pending.'),
        ([], 100, 'nothing was checked'),
    ],
)
def test_silence_is_no_permission(checks: list[CheckResult], new_tasks: int, words: str) -> None:
    move = next_share(0.3, checks, new_tasks)
    assert (move.share, move.verdict) == (0.3, Verdict.INCONCLUSIVE)
    assert 'stays at 30.0%: ' in move.sentence
    assert words in move.sentence


def test_harm_counts_whatever_else_is_missing() -> None:
    assert next_share(0.3, said(Verdict.INCONCLUSIVE, Verdict.FAIL), 0).share == 0.2


def test_the_sentence_is_that_of_the_check() -> None:
    assert next_share(0.3, WORSE, 50).sentence.endswith(' from 30.0% to 20.0%: fail.')
    assert ' from 30.0% to 40.0%: ' in next_share(0.3, FINE, 50).sentence


def test_other_ramps() -> None:
    ramp = Ramp(up=0.25, down=1.0, most=0.8, tasks=5)
    assert next_share(0.7, FINE, 5, ramp).share == 0.8
    assert next_share(0.7, WORSE, 5, ramp).share == 0.0
    assert next_share(0.9, FINE, 5, ramp).share == 0.9  # set by hand: not taken back
    with pytest.raises(ValueError, match=r"'up' is 0: .* above 0"):
        Ramp(up=0)


@given(
    st.floats(0, 1),
    st.lists(st.sampled_from(list(Verdict)), max_size=4),
    st.integers(0, 100),
)
def test_a_move_is_small_and_never_up_without_a_pass(
    share: float, verdicts: list[Verdict], new_tasks: int
) -> None:
    move = next_share(share, said(*verdicts), new_tasks)
    assert 0 <= move.share <= 1
    assert abs(move.share - share) <= 0.1 + 1e-9
    if move.share > share and share > 0:
        assert set(verdicts) == {Verdict.PASS}
