# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Blocks: tasks that began together are compared once all have ended."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom, nchypergeom_fisher

from hotswap_ros.gates import MIN_TASKS, Block, CheckResult, Gate, Verdict
from hotswap_ros.gates.pairing.strata import Strata
from hotswap_ros.gates.pairing.tasks import Arm, FleetBlock
from hotswap_ros.gates.stats.drawn import ODDS_RATIOS, WEIGHTS, DrawnEvidence
from hotswap_ros.gates.tally import Tally
from hotswap_ros.gates.window import News
from hotswap_ros.models import TaskCounts, VersionCounters
from hotswap_ros.plan import Control, SuccessCriteria

MakeRobot = Callable[..., Any]
Check = Callable[..., CheckResult]
ONLY_SUCCESS = SuccessCriteria(grave_events=(), max_stuck_per_robot=None)


class Fleet:
    """Robots whose tasks begin and end when the test says so."""

    def __init__(self, robots: int, criteria: SuccessCriteria = ONLY_SUCCESS) -> None:
        self.gate = Gate(criteria, 'v24')
        self.counts = {f'amr_{n}': {'v23': [0, 0, 0], 'v24': [0, 0, 0]} for n in range(robots)}
        for name in self.counts:
            self.tell(name)

    def tell(self, name: str, boot: str = 'boot', share: float | None = 0.5) -> None:
        counters = {
            version: VersionCounters(tasks=TaskCounts(*counts))
            for version, counts in self.counts[name].items()
        }
        self.gate.observe(name, 'v23', boot, counters, share)

    def begin(
        self, name: str, version: str, share: float | None = 0.5, *, tell: bool = True
    ) -> None:
        self.counts[name][version][0] += 1
        if tell:
            self.tell(name, share=share)

    def end(
        self, name: str, version: str, won: bool, share: float | None = 0.5, *, tell: bool = True
    ) -> None:
        self.counts[name][version][1] += 1
        self.counts[name][version][2] += won
        if tell:
            self.tell(name, share=share)

    @property
    def result(self) -> CheckResult:
        return self.gate.checks(complete=False)[0]


def _versions(number: int) -> list[str]:
    return ['v24' if index % 2 else 'v23' for index in range(number)]


def _joined(robots: int) -> Fleet:
    """Return robots that have each done a task of both versions."""
    fleet = Fleet(robots)
    for name, version in itertools.product(fleet.counts, ('v24', 'v23')):
        fleet.begin(name, version)
        fleet.end(name, version, True)
    return fleet


def test_slow_successes_are_no_failures() -> None:
    """A hundred robots begin together; the candidate fails as fast as ever and wins slowly."""
    fleet = _joined(100)
    before = fleet.result
    names = dict(zip(fleet.counts, _versions(100)))
    won = {name: number % 20 >= 2 for number, name in enumerate(names)}
    for name, version in names.items():
        fleet.begin(name, version)
    for name, version in names.items():
        if version == 'v23' or not won[name]:
            fleet.end(name, version, won[name])
    during = fleet.result
    assert (during.n, during.n_control) == (before.n + 5, before.n_control + 50)
    assert during.evidence == pytest.approx(before.evidence, rel=0.3)
    for name, version in names.items():
        if version == 'v24' and won[name]:
            fleet.end(name, version, True)
    assert fleet.result.verdict is Verdict.PENDING
    assert fleet.result.evidence < 2


def test_a_task_that_began_before_its_robot_joined_does_not_count(check: Check) -> None:
    fleet = Fleet(0)
    for number in range(40):
        fleet.counts[f'amr_{number}'] = {'v23': [1, 0, 0], 'v24': [1, 0, 0]}
        fleet.tell(f'amr_{number}')
    for name in fleet.counts:
        fleet.end(name, 'v23', True)
        fleet.end(name, 'v24', False)
    assert fleet.result.evidence == 1
    assert fleet.result.n == 40


def test_tasks_that_never_end_hold_nothing_up_for_ever() -> None:
    fleet = _joined(12)
    for name, version in zip(fleet.counts, _versions(12)):
        fleet.begin(name, version)
    for name, version in [('amr_4', 'v23'), ('amr_5', 'v24')] * 400:
        fleet.begin(name, version)
        fleet.end(name, version, version == 'v23')
    assert fleet.result.verdict is Verdict.FAIL


def test_what_is_under_way_is_known_until_it_is_compared() -> None:
    """Tasks enough have ended, but one of the first block has not: that is soon to come."""
    fleet = Fleet(60)
    slow, *others = fleet.counts
    fleet.begin(slow, 'v24')
    for name, version in itertools.product(others, ('v24', 'v23')):
        fleet.begin(name, version)
        fleet.end(name, version, True)
    under_way = fleet.gate.under_way
    assert fleet.gate.awaits(under_way)
    assert fleet.result.evidence == 1
    for name in others:
        fleet.begin(name, 'v24')
    assert fleet.gate.awaits(under_way)
    fleet.end(slow, 'v24', True)
    assert not fleet.gate.awaits(under_way)
    assert fleet.gate.under_way
    assert fleet.gate.checks(complete=True)[0].verdict is Verdict.PASS


def test_the_first_comparison_is_waited_for_though_all_tasks_came_in_one_message() -> None:
    fleet = Fleet(2, ONLY_SUCCESS)
    for name in fleet.counts:
        fleet.tell(name, share=0.0)
        fleet.counts[name] = {'v23': [30, 30, 28], 'v24': [30, 30, 28]}
        fleet.tell(name)
    under_way = fleet.gate.under_way
    assert fleet.gate.awaits(under_way)
    for name, version in itertools.product(list(fleet.counts) * 5, ('v23', 'v24')):
        fleet.begin(name, version)
        fleet.end(name, version, True)
    assert not fleet.gate.awaits(under_way)
    assert fleet.gate.checks(complete=True)[0].verdict is Verdict.PASS


def test_the_first_comparison_is_waited_for_though_a_task_of_its_own_ends_before() -> None:
    """One task that ends compares nothing yet, and a gate without a comparison cannot decide."""
    fleet = Fleet(2, ONLY_SUCCESS)
    for name in fleet.counts:
        fleet.tell(name, share=0.0)
        fleet.counts[name] = {'v23': [30, 30, 28], 'v24': [30, 30, 28]}
        fleet.tell(name)
    fleet.begin('amr_0', 'v24')
    under_way = fleet.gate.under_way
    fleet.end('amr_0', 'v24', True)
    assert fleet.gate.awaits(under_way)
    undecided = fleet.gate.checks(complete=True)[0]
    assert undecided.verdict is Verdict.INCONCLUSIVE
    assert min(undecided.n, undecided.n_control) > MIN_TASKS
    assert f'{MIN_TASKS} tasks' not in undecided.sentence
    for name, version in itertools.product(list(fleet.counts) * 5, ('v23', 'v24')):
        fleet.begin(name, version)
        fleet.end(name, version, True)
    assert not fleet.gate.awaits(under_way)
    assert fleet.gate.checks(complete=True)[0].verdict is Verdict.PASS


def test_tasks_before_the_first_candidate_one_count_where_the_share_is_known() -> None:
    """Else a robot would join with a task of the candidate and none of the control beside it."""
    fleet = Fleet(1)
    for version in ['v23'] * 18 + ['v24'] * 2:
        fleet.begin('amr_0', version)
        fleet.end('amr_0', version, version == 'v23')
    assert fleet.result.drop == 1


def test_tasks_that_never_end_count_as_failed() -> None:
    blocks = Strata(Control.ACROSS_ROBOTS)
    blocks.add('amr_0', News(Tally(started=10), Tally(started=10)))
    one = News(Tally(started=1, finished=1), Tally(started=1, finished=1, succeeded=1))
    closed = [found for _ in range(300) for found in blocks.add('amr_1', one)]
    assert closed[0] == FleetBlock(Arm(10), Arm(10))
    assert closed[1] == FleetBlock(Arm(10, 10), Arm(10))


def test_a_large_fleet_is_judged_before_the_tasks_of_its_last_robots_end() -> None:
    blocks = Strata(Control.ACROSS_ROBOTS)
    own, other = News(Tally(started=1), Tally()), News(Tally(), Tally(started=1))
    for number in range(400):
        blocks.add(f'amr_{number}', own if number % 2 else other)
    own, other = News(Tally(finished=1), Tally()), News(Tally(), Tally(finished=1))
    closed = [
        block
        for number in range(390)
        for block in blocks.add(f'amr_{number}', own if number % 2 else other)
    ]
    assert closed == [FleetBlock(Arm(10), Arm(10))] * 19


def test_a_task_that_was_given_up_and_ends_after_all_counts_once() -> None:
    fleet = _joined(2)
    fleet.begin('amr_0', 'v24')
    fleet.gate.leave('amr_0')
    fleet.begin('amr_0', 'v23')  # the robot is back, and still at it
    fleet.end('amr_0', 'v24', True)
    fleet.end('amr_0', 'v23', True)
    for name, version in [('amr_0', 'v24'), ('amr_1', 'v23')] * 20:
        fleet.begin(name, version)
        fleet.end(name, version, True)
    assert fleet.result.evidence < 2


def _work(fleet: Fleet, rates: dict[str, float], messages: int, seed: int) -> None:
    """Let robots do several tasks between two messages, which come at different times."""
    chance = random.Random(seed)
    running: dict[str, str] = {}
    for name in itertools.islice(itertools.cycle(fleet.counts), messages):
        for _ in range(chance.randint(0, 16)):
            if name in running:
                version = running.pop(name)
                fleet.end(name, version, chance.random() < rates[version], tell=False)
            else:
                running[name] = chance.choice(('v23', 'v24'))
                fleet.begin(name, running[name], tell=False)
        fleet.tell(name)


@pytest.mark.parametrize('seed', range(5))
def test_all_that_was_done_is_compared(seed: int) -> None:
    """Whatever the outcomes: tasks are much shorter than the time between messages here."""
    fleet = Fleet(20, ONLY_SUCCESS.model_copy(update={'alpha': 1e-9}))
    _work(fleet, {'v23': 0.93, 'v24': 0.90}, 400, seed)
    found = fleet.result
    assert found.verdict is Verdict.PENDING
    assert min(found.n, found.n_control) > 500
    assert found.drop == pytest.approx(found.control - found.estimate, abs=0.01)


@pytest.mark.parametrize('seed', range(5))
def test_a_fall_is_seen_when_messages_come_at_different_times(seed: int) -> None:
    fleet = Fleet(20)
    _work(fleet, {'v23': 0.93, 'v24': 0.80}, 400, seed)
    assert fleet.result.verdict is Verdict.FAIL


def test_a_reboot_fails_the_task_under_way() -> None:
    fleet = Fleet(1)
    fleet.begin('amr_0', 'v24')
    fleet.begin('amr_0', 'v23')
    fleet.counts['amr_0'] = {'v23': [0, 0, 0], 'v24': [0, 0, 0]}
    fleet.tell('amr_0', boot='second boot')
    assert (fleet.gate.candidate_tasks, fleet.gate.control_tasks) == (1, 1)
    assert fleet.result.estimate == 0


def test_a_robot_that_leaves_fails_its_task_until_it_is_back() -> None:
    fleet = Fleet(2)
    fleet.begin('amr_0', 'v24')
    fleet.gate.leave('amr_0')
    fleet.gate.leave('amr_0')
    fleet.gate.leave('never seen')
    assert fleet.gate.candidate_tasks == 1
    assert fleet.result.estimate == 0
    fleet.end('amr_0', 'v24', True)
    assert fleet.gate.candidate_tasks == 1
    assert fleet.result.estimate == 1


def test_another_share_is_another_comparison() -> None:
    """What began under the old share is compared with its like, however late it ends."""
    fleet = Fleet(2)
    for name, version in [('amr_0', 'v23'), ('amr_1', 'v24')] * 10:
        fleet.begin(name, version, 0.5)
    for name, version in [('amr_0', 'v24'), ('amr_1', 'v23')] * 31:
        fleet.begin(name, version, 0.9)
        fleet.end(name, version, version == 'v24', 0.9)
    for name, version in [('amr_0', 'v23'), ('amr_1', 'v24')] * 10:
        fleet.end(name, version, True, 0.9)
    assert fleet.result.estimate == 1
    assert fleet.result.drop == pytest.approx(-30 / (30 + 10), abs=0.05)


def test_tasks_that_began_before_a_robot_took_its_share_are_no_control() -> None:
    """Asked to share its tasks, each robot does some with the old version until it does."""
    fleet = Fleet(0)
    names = [f'amr_{number}' for number in range(10)]
    fleet.counts = {name: {'v23': [0, 0, 0], 'v24': [0, 0, 0]} for name in names}
    for name in names:
        fleet.tell(name, share=0.0)
    for name in names[:5] * 10:
        fleet.begin(name, 'v23', 0.0)
        fleet.end(name, 'v23', True, 0.0)
    for name in names[:5]:
        for _ in range(8):
            fleet.begin(name, 'v23', tell=False)
            fleet.end(name, 'v23', True, tell=False)
    for name, version in itertools.product(names * 20, ('v23', 'v24')):
        fleet.begin(name, version)
        fleet.end(name, version, name not in names[:5])
    assert fleet.result.drop == pytest.approx(0, abs=0.02)
    assert fleet.result.evidence < 2


@settings(max_examples=40)
@given(
    st.lists(st.floats(0.05, 0.95), min_size=2, max_size=6),
    st.integers(1, 5),
)
def test_robots_may_differ_when_the_version_is_drawn_for_each_task(
    skills: list[float], candidates: int
) -> None:
    """Over all draws and outcomes of tasks of any rates, the expectation of a block is 1."""
    candidates = min(candidates, len(skills) - 1)
    arms = list(itertools.combinations(range(len(skills)), candidates))
    expectation = 0.0
    for won in itertools.product((0, 1), repeat=len(skills)):
        chance = math.prod(p if one else 1 - p for p, one in zip(skills, won))
        for arm in arms:
            own = sum(won[index] for index in arm)
            block = Block(len(skills) - candidates, sum(won) - own, candidates, own)
            evidence = DrawnEvidence()
            evidence.add_block(block)
            expectation += chance / len(arms) * evidence.value
    assert expectation == pytest.approx(1)


@given(st.floats(0.05, 0.95), st.floats(0.0, 0.5))
def test_a_better_candidate_is_no_harm_on_average(rate: float, better: float) -> None:
    own = min(1.0, rate + better)
    total = 0.0
    for a, b in itertools.product(range(6), range(6)):
        evidence = DrawnEvidence()
        evidence.add_block(Block(5, a, 5, b))
        total += binom.pmf(a, 5, rate) * binom.pmf(b, 5, own) * evidence.value
    assert total <= 1 + 1e-9


def test_a_block_of_millions_of_tasks_is_judged_as_well() -> None:
    """The exact sum over all splits is the one of scipy's noncentral distribution."""
    evidence = DrawnEvidence()
    evidence.add_block(Block(4000, 3700, 3900, 3560))
    together, tasks, own = 640, 7900, 340
    ratios = [
        nchypergeom_fisher(tasks, together, 3900, odds).logpmf(own)
        - hypergeom(tasks, together, 3900).logpmf(own)
        for odds in ODDS_RATIOS
    ]
    mean = sum(w * math.exp(ratio) for w, ratio in zip(WEIGHTS, ratios)) / sum(WEIGHTS)
    expected = math.log(mean)
    assert evidence.log_value == pytest.approx(expected, abs=1e-4)
    evidence.add_block(Block(10_000_000, 9_200_000, 10_000_000, 9_100_000))
    assert evidence.log_value > 1000


Event = tuple[int, str, str]


@st.composite
def _days(draw: st.DrawFn) -> tuple[list[tuple[str, dict[str, list[int]]]], int]:
    """Return snapshots of three robots in their order; each does one task after the other."""
    counts = {f'amr_{n}': {'v23': [0, 0, 0], 'v24': [0, 0, 0]} for n in range(3)}
    running: dict[str, str] = {}
    sent = []
    for _ in range(draw(st.integers(10, 60))):
        name = draw(st.sampled_from(sorted(counts)))
        if name in running:
            arm = counts[name][running.pop(name)]
            arm[1] += 1
            arm[2] += draw(st.booleans())
        else:
            running[name] = draw(st.sampled_from(['v23', 'v24']))
            counts[name][running[name]][0] += 1
        sent.append((name, {version: list(arm) for version, arm in counts[name].items()}))
    return sent, draw(st.integers(0, 2**32))


@settings(max_examples=60)
@given(_days(), st.data())
def test_duplicates_and_late_messages_change_no_verdict(day: Any, data: st.DataObject) -> None:
    """Every message arrives, some again and some earlier ones after it."""
    sent, _ = day
    clean, noisy = Fleet(3), Fleet(3)
    for index, (name, counts) in enumerate(sent):
        for fleet in (clean, noisy):
            fleet.counts[name] = counts
            fleet.tell(name)
        for _ in range(data.draw(st.integers(0, 2))):
            again, old = sent[data.draw(st.integers(0, index))]
            noisy.counts[again] = old
            noisy.tell(again)
    assert [c.as_json() for c in noisy.gate.checks(complete=True)] == [
        c.as_json() for c in clean.gate.checks(complete=True)
    ]


@settings(max_examples=60)
@given(_days(), st.data())
def test_what_is_lost_on_the_way_is_made_up_for(day: Any, data: st.DataObject) -> None:
    """Any messages are lost but the last of each robot: the counts are the same in the end."""
    sent, _ = day
    last = {name: index for index, (name, _) in enumerate(sent)}
    clean, lossy = Fleet(3), Fleet(3)
    for index, (name, counts) in enumerate(sent):
        arrives = index == last[name] or data.draw(st.booleans())
        for fleet in (clean, lossy) if arrives else (clean,):
            fleet.counts[name] = counts
            fleet.tell(name)
    for field in ('n', 'n_control', 'estimate', 'control'):
        one, other = getattr(clean.result, field), getattr(lossy.result, field)
        assert one == pytest.approx(other, nan_ok=True)


def test_robots_that_are_watched_no_longer_hold_nothing_up() -> None:
    """A region is promoted with tasks under way; the next one is judged all the same."""
    fleet = _joined(12)
    for name, version in zip(list(fleet.counts)[:6], _versions(6)):
        fleet.begin(name, version)
    fleet.gate.watch_only(list(fleet.counts)[6:])
    for name, version in [('amr_8', 'v23'), ('amr_9', 'v24')] * 40:
        fleet.begin(name, version)
        fleet.end(name, version, version == 'v23')
    assert fleet.result.verdict is Verdict.FAIL


def test_tasks_under_way_are_waited_for_however_many_lie_between_two_messages() -> None:
    """A robot that tells once an hour has given no task up, whatever others tell meanwhile."""
    blocks = Strata(Control.ACROSS_ROBOTS)
    first = Tally(started=60, finished=59, succeeded=59)
    then = Tally(started=60, finished=60, succeeded=60)
    closed = []
    for news in [first] + [then] * 5:
        for number in range(12):
            closed += blocks.add(f'amr_{number}', News(news, news))
    assert len(closed) > 40
    assert all(arm.succeeded == arm.tasks for block in closed for arm in block[:2])
