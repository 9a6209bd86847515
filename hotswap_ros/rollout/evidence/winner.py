# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
The winner of a trial: chosen once, at the end of its fixed length, from the trial counts.

The statistics are those of `gates.analysis`, imported when a trial ends: they take a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hotswap_ros.gates.tally import Tally
from hotswap_ros.models import LATENCY_EDGES_MS
from hotswap_ros.plan import ChooseWinner
from hotswap_ros.rollout.evidence.trial_counts import TrialCounts
from hotswap_ros.rollout.state import Conclusion

if TYPE_CHECKING:
    from hotswap_ros.gates.analysis import Record

#: Assumed upper edge of the last bucket, in milliseconds.
_LAST_EDGE_MS = 2 * LATENCY_EDGES_MS[-1]
_EDGES_MS = (*LATENCY_EDGES_MS, _LAST_EDGE_MS)


def conclude_trial(
    step: ChooseWinner, trial: TrialCounts, stable: str, version: str, shares: Mapping[str, float]
) -> Conclusion:
    """
    Return whether `version` wins by the step's criteria; with too little data `stable` stays.

    `shares` is the desired share of `version` on each robot. On a robot with one version only,
    earlier tasks of the other version do not count.
    """
    from hotswap_ros.gates.analysis import AnalysisError

    by_version = {
        stable: dict(_served(trial, stable, shares, other=1.0)),
        version: dict(_served(trial, version, shares, other=0.0)),
    }
    judge = {'success_rate': _by_success, 'latency': _by_latency, 'cost': _by_cost}[step.metric]
    try:
        return judge(step, by_version, stable, version)
    except AnalysisError as error:
        return Conclusion(verdict='keep', sentence=f'{error}. Keep {stable}.')


def conclude_shadow(trial: TrialCounts, stable: str, version: str, tolerance: float) -> Conclusion:
    """Return whether to deploy a shadow or to keep `stable`; see analyze_shadow."""
    from hotswap_ros.gates.analysis import AnalysisError, ShadowTask, analyze_shadow, as_json

    tasks = [
        ShadowTask('', unit.compared, unit.agreed, unit.offered, tasks=unit.tasks)
        for unit, times in trial.units.items()
        for _ in range(times)
    ]
    try:
        report = analyze_shadow(tasks, stable, version, tolerance=tolerance)
    except AnalysisError as error:
        return Conclusion(verdict='keep', sentence=f'{error} Keep {stable}.')
    return Conclusion(
        verdict=report.action.value, sentence=report.sentence, evidence=as_json(report)
    )


_ByVersion = Mapping[str, Mapping[str, Tally]]


def _served(
    trial: TrialCounts, version: str, shares: Mapping[str, float], other: float
) -> Iterator[tuple[str, Tally]]:
    """Yield the tasks of the robots that do not serve the other version only."""
    for robot_id, counts in trial.of(version):
        if robot_id in shares and shares[robot_id] != other:
            yield robot_id, counts


def _by_success(
    step: ChooseWinner, by_version: _ByVersion, stable: str, version: str
) -> Conclusion:
    records = [
        _record(name, robot_id, counts.finished, counts.succeeded, counts.stuck)
        for name, robots in by_version.items()
        for robot_id, counts in robots.items()
        if counts.finished
    ]
    found = _analysis(step, records, stable, version)
    gain = found.difference
    if found.action.value != 'promote':
        return _conclusion('keep', found.sentence, found)
    if gain < step.minimum_improvement - 1e-9:  # 0.94 − 0.92 is not quite 0.02
        text = (
            f'{version} is better than {stable} by {100 * gain:.1f} points beyond chance, but '
            f'{100 * step.minimum_improvement:.1f} are asked for. Keep {stable}.'
        )
        return _conclusion('keep', text, found)
    return _conclusion('promote', found.sentence, found)


def _by_latency(
    step: ChooseWinner, by_version: _ByVersion, stable: str, version: str
) -> Conclusion:
    """Compare how often each is faster than the last edge below the control's 95th percentile."""
    from hotswap_ros.gates.analysis import AnalysisError

    p95 = {
        name: _quantile(_histogram(robots.values()), 0.95) for name, robots in by_version.items()
    }
    below = sum(edge < p95[stable] for edge in _EDGES_MS)
    records = [
        _record(name, robot_id, sum(counts.latency), sum(counts.latency[: max(1, below)]))
        for name, robots in by_version.items()
        for robot_id, counts in robots.items()
        if any(counts.latency)
    ]
    found = _analysis(step, records, stable, version)
    if found.unit != 'robots' or not found.is_decidable:
        # Requests of one task are alike, so they cannot take the place of robots.
        raise AnalysisError('the robots are too few to compare latency on them')
    text = (
        f'{version} answers within {p95[version]:.3g} ms in 95% of requests, {stable} within '
        f'{p95[stable]:.3g} ms'
    )
    gain = 1 - p95[version] / p95[stable]
    is_better = found.action.value == 'promote'
    return _by_gain(step, text, gain, is_better, found.p_value, (stable, version), found)


def _by_cost(step: ChooseWinner, by_version: _ByVersion, stable: str, version: str) -> Conclusion:
    """Compare the computing time per task, robot by robot."""
    from hotswap_ros.gates.analysis import AnalysisError, Trial, find_design, mean_test

    records = [
        # A mean per task is tested like a rate: the robot is the unit.
        _record(name, robot_id, counts.finished, round(1000 * _computing_ms(counts)))
        for name, robots in by_version.items()
        for robot_id, counts in robots.items()
        if counts.finished
    ]
    cost = {name: _mean_cost_ms(robots) for name, robots in by_version.items()}
    if not all(cost.values()):
        raise AnalysisError('no computing time was recorded for one of the versions')
    view = mean_test(find_design(Trial.of(records), stable, version), stable, version)
    if view is None or view.p_value != view.p_value:
        raise AnalysisError('the robots are too few to compare what a task costs on them')
    text = f'{version} computes {cost[version]:.3g} ms for a task, {stable} {cost[stable]:.3g} ms'
    gain = 1 - cost[version] / cost[stable]
    is_better = gain > 0 and view.p_value < step.significance
    return _by_gain(step, text, gain, is_better, view.p_value, (stable, version), view)


def _by_gain(
    step: ChooseWinner,
    text: str,
    gain: float,
    is_better: bool,
    p_value: float,
    names: tuple[str, str],
    evidence: object,
) -> Conclusion:
    from hotswap_ros.text import p_words

    change = f'{abs(gain):.1%} {"less" if gain > 0 else "more"}'
    text = f'{text}: {change} ({p_words(p_value)})'
    if not is_better:
        return _conclusion('keep', f'{text}: not better beyond chance. Keep {names[0]}.', evidence)
    if gain < step.minimum_improvement - 1e-9:
        asked = f'{step.minimum_improvement:.1%} less is asked for'
        return _conclusion('keep', f'{text}, {asked}. Keep {names[0]}.', evidence)
    return _conclusion('promote', f'{text}: better beyond chance. Promote {names[1]}.', evidence)


def _analysis(step: ChooseWinner, records: list[Record], stable: str, version: str) -> Any:
    from hotswap_ros.gates.analysis import Question, Trial, analyze

    matters = step.minimum_improvement if step.metric == 'success_rate' else 0.0
    question = Question(matters=matters or Question.matters, alpha=step.significance)
    return analyze(Trial.of(records), stable, version, question)


def _conclusion(verdict: Any, sentence: str, evidence: object) -> Conclusion:
    from hotswap_ros.gates.analysis import as_json

    return Conclusion(verdict=verdict, sentence=sentence, evidence=as_json(evidence))


def _record(version: str, robot_id: str, tasks: int, successes: int, stuck: int = 0) -> Record:
    from hotswap_ros.gates.analysis import Record

    return Record(version, tasks, successes, stuck, robot_id)


def _histogram(counts: Any) -> tuple[int, ...]:
    return tuple(map(sum, zip(*(one.latency for one in counts))))


def _quantile(counts: tuple[int, ...], q: float) -> float:
    """Return a quantile of a histogram in milliseconds, as if latencies spread evenly in it."""
    from hotswap_ros.gates.analysis import AnalysisError

    total = sum(counts)
    if not total:
        raise AnalysisError('no latency was recorded for one of the versions')
    below, wanted = 0, q * total
    for index, number in enumerate(counts):
        if below + number >= wanted and number:
            low = _EDGES_MS[index - 1] if index else 0.0
            return low + (_EDGES_MS[index] - low) * (wanted - below) / number
        below += number
    return _LAST_EDGE_MS


def _computing_ms(counts: Tally) -> float:
    """Return the computing time of all requests, each at the middle of its bucket."""
    lows = (0.0, *_EDGES_MS)
    return sum(
        number * (low + high) / 2 for number, low, high in zip(counts.latency, lows, _EDGES_MS)
    )


def _mean_cost_ms(robots: Mapping[str, Tally]) -> float:
    tasks = sum(counts.finished for counts in robots.values())
    return sum(map(_computing_ms, robots.values())) / tasks if tasks else 0.0
