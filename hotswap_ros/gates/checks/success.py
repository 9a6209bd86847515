# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The check of success: the candidate's tasks against the control's, after every task or block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hotswap_ros.gates.pairing.baseline import Baseline
from hotswap_ros.gates.pairing.tasks import DrawnTasks, FleetBlock
from hotswap_ros.gates.result import MIN_TASKS, CheckResult, Verdict, ratio, verdict_of
from hotswap_ros.gates.stats.average import AverageEvidence
from hotswap_ros.gates.stats.bounds import DropBounds
from hotswap_ros.gates.stats.drawn import DrawnEvidence
from hotswap_ros.gates.stats.evidence import HARM_DROPS, PROOF_DROPS, Block, BlockEvidence
from hotswap_ros.gates.stats.intervals import Interval, wilson_interval
from hotswap_ros.gates.stats.stratified import weighted_drop
from hotswap_ros.gates.tally import Tally
from hotswap_ros.gates.window import News, Window
from hotswap_ros.plan import Control, SuccessCriteria
from hotswap_ros.text import change, count, evidence_words, percent, points, span

#: Share of alpha for the upper end of the candidate's success; see SUCCESS_SHARE.
_OTHER_TAIL = 0.25


class SuccessCheck:
    """
    E-process against "not worse", "not worse than the tolerance" or "not worse on average".

    Evidence multiplies over tasks in the order in which they began where robots report the share
    with which versions are drawn, and otherwise over blocks of tasks that began together (see
    Lane). Within robots and against "not worse" it depends only on the random choice of versions,
    for any tasks and robots (DrawnEvidence has the limits of this); in all other cases on the
    means of tasks that began together (BlockEvidence; AverageEvidence for the average over all
    tasks so far). A second one, against "worse by at least
    the tolerance", proves the opposite: once it reaches 1/alpha, the candidate stays proven.

    The baseline of an alternative is the control's rate in earlier blocks, with a prior of
    Beta(9, 1), or the number that the plan compares with. Once the evidence of harm reaches the
    limit, the verdict stays FAIL, with the evidence of that moment, whatever happens later.

    `alpha` is the part of the plan's alpha that the check may spend. With `explain` the result has
    an interval of the drop, from the same blocks; it excludes the null if the check fails.
    """

    name = 'success'

    def __init__(self, criteria: SuccessCriteria, alpha: float, *, explain: bool) -> None:
        self._tolerance = criteria.max_success_drop
        self._alpha = alpha
        self._limit = 1 / alpha
        self._proof_limit = 1 / criteria.alpha
        self._null = self._tolerance if criteria.harm_null == 'not_worse_than_tolerance' else 0.0
        self._harm: BlockEvidence | DrawnEvidence | AverageEvidence
        if criteria.is_on_average:
            self._harm = AverageEvidence()
        elif criteria.control is Control.WITHIN_ROBOTS and not self._null:
            self._harm = DrawnEvidence(self._limit)
        else:
            self._harm = BlockEvidence([self._null + drop for drop in HARM_DROPS], self._null)
        self._proof = BlockEvidence(PROOF_DROPS, self._tolerance)
        self._baseline = Baseline(criteria)
        self._bounds = None
        if explain:
            tails = (alpha, alpha * _OTHER_TAIL)
            self._bounds = DropBounds(tails, (0.0, self._tolerance))
        self._failed = False
        self._proven = False
        self._weighted = [0.0, 0.0]

    def join(self, robot_id: str, history: Tally) -> None:
        """Take in the control's earlier tasks on a robot."""
        self._baseline.join(robot_id, history)

    def add(self, robot_id: str, news: News) -> None:
        """Count the tasks of each robot, where robots are compared."""
        self._baseline.add(robot_id, news)

    def draw(self, found: DrawnTasks) -> None:
        """Take in tasks whose versions were drawn, in the order in which they began."""
        # In an order that does not depend on the versions.
        for category, (control, candidate) in sorted(found.categories.items()):
            if self._failed:
                return
            tasks = Block(control.tasks, control.succeeded, candidate.tasks, candidate.succeeded)
            self._judge_drawn(tasks, found.share, category)
            self._baseline.learn_in(category, control)

    def compare(self, found: FleetBlock) -> None:
        """Take in a block of finished tasks."""
        if not found.candidate.tasks or not self._baseline.is_known:
            return
        if self._failed:
            return
        block, rate = self._baseline.block(found), self._baseline.rate
        if not found.is_drawn:
            self._judge(block, rate)
            self._proof.add(self._baseline.block_for_proof(found), self._baseline.rate_for_proof)
            self._conclude()
        if self._bounds is not None:
            self._bounds.add(block, rate)
        self._weigh(block)
        self._baseline.learn(found.control)

    def _judge(self, block: Block, rate: float) -> None:
        if isinstance(self._harm, BlockEvidence):
            self._harm.add(block, rate)
        else:
            self._harm.add_block(block)

    def _judge_drawn(self, tasks: Block, share: float, category: str) -> None:
        rate = self._baseline.rate
        if isinstance(self._harm, BlockEvidence):
            self._harm.add(tasks, rate, share)
        else:
            self._harm.add_tasks(tasks, share, self._baseline.rate_in(category), category)
        self._proof.add(tasks, rate, share)
        self._conclude()

    def _conclude(self) -> None:
        self._failed = self._evidence >= self._limit
        self._proven = self._proven or self._proof_evidence >= self._proof_limit

    def _weigh(self, block: Block) -> None:
        # A difference of pooled rates would take a baseline that moves while the candidate's share
        # grows for a difference between the versions.
        drop, weight = weighted_drop(block)
        self._weighted[0] += drop
        self._weighted[1] += weight

    @property
    def failed(self) -> bool:
        """Whether the evidence of harm has reached its limit."""
        return self._failed

    @property
    def _evidence(self) -> float:
        if isinstance(self._harm, BlockEvidence):
            return self._harm.value_for(self._baseline.design_effect)
        return self._harm.value

    @property
    def _proof_evidence(self) -> float:
        return self._proof.value_for(self._baseline.design_effect)

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
        candidate, control = window.candidate, self._baseline.shown(window)
        counts = [candidate.finished]
        if not self._baseline.is_number:
            counts.append(control.finished)
        worth = self._baseline.worth(candidate.finished, control.finished)
        enough = min(*counts, *worth) >= MIN_TASKS and self._weighted[1] > 0
        verdict = verdict_of(failed=self._failed, complete=complete, enough=enough)
        own = wilson_interval(candidate.succeeded, candidate.finished)
        other = wilson_interval(control.succeeded, control.finished)
        drop = ratio(*self._weighted)
        end = self._end(verdict, candidate, control)
        low, high = self._interval
        is_fixed = self._baseline.is_number
        rate = self._baseline.rate if is_fixed else ratio(control.succeeded, control.finished)
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='e-process',
            sentence=f'{self._figures(window, drop, enough)}{end}.',
            estimate=ratio(candidate.succeeded, candidate.finished),
            control=rate,
            low=own.low,
            high=own.high,
            control_low=math.nan if is_fixed else other.low,
            control_high=math.nan if is_fixed else other.high,
            threshold=rate - self._tolerance,
            evidence=self._evidence,
            evidence_limit=self._limit,
            n=candidate.finished,
            n_control=control.finished,
            drop=drop,
            drop_low=low,
            drop_high=high,
            alpha=self._alpha,
            proof=self._proof_evidence,
            proof_limit=self._proof_limit,
            is_proven=self._proven,
        )

    @property
    def _interval(self) -> Interval:
        """Return the bounds of the drop, which exclude the null if and only if the check fails."""
        if self._bounds is None:
            return Interval()
        low, high = self._bounds.interval(self._baseline.design_effect)
        low = max(low, self._null) if self._failed else min(low, self._null)
        return Interval(low, max(low, high))

    def _figures(self, window: Window, drop: float, enough: bool) -> str:
        candidate, control = window.candidate, self._baseline.shown(window)
        if not candidate.finished:
            return f'{window.candidate_name} has finished no task'
        text = (
            f'{window.candidate_name} succeeds in '
            f'{percent(candidate.succeeded / candidate.finished)} of '
            f'{count(candidate.finished, "task")}'
        )
        if not self._baseline.is_number and not control.finished:
            where = self._baseline.where
            return f'{text}, {window.control_name} finished no task on {where}'
        text += f', {self._baseline.words(window)}'
        if not enough:
            return text
        pooled = self._pooled(candidate, control)
        alike = change(pooled) == change(drop)
        text += f': {change(drop)}' if alike else f'; among comparable tasks {change(drop)}'
        if self._bounds is None:
            return text
        level = 1 - self._alpha * (1 + _OTHER_TAIL)
        return f'{text} ({100 * level:.4g}% confidence sequence {self._span()})'

    def _pooled(self, candidate: Tally, control: Tally) -> float:
        other = self._baseline.rate
        if not self._baseline.is_number:
            other = control.succeeded / control.finished
        return other - candidate.succeeded / candidate.finished

    def _span(self) -> str:
        low, high = self._interval
        if low > 0 or self._failed:
            return f'{100 * low:.1f} to {100 * high:.1f}'
        return span(low, high)

    def _end(self, verdict: Verdict, candidate: Tally, control: Tally) -> str:
        harm = evidence_words(self._evidence, self._limit)
        if verdict is Verdict.FAIL:
            return f', {self._more_than()}: roll back'
        if verdict is Verdict.PENDING:
            return f': no verdict yet ({harm})'
        if verdict is Verdict.PASS:
            return f': no harm shown ({harm}), {self._proof_words()}'
        return f': inconclusive, {self._missing(candidate.finished, control.finished)}'

    def _missing(self, candidate: int, control: int) -> str:
        """Return why there is too little data for a verdict."""
        if not self._baseline.is_known:
            return 'the previous version has too little history to compare with'
        counts = [candidate] if self._baseline.is_number else [candidate, control]
        if min(counts) >= MIN_TASKS:
            few = self._baseline.too_few_robots(candidate, control)
            return few or 'too few of these tasks can be compared yet'
        compared = ' and '.join(f'{n:,}' for n in counts)
        which = '' if self._baseline.is_number else ' of each version'
        return f'{MIN_TASKS} tasks{which} are needed ({compared} compared)'

    def _more_than(self) -> str:
        if max(self._interval.low, self._null) >= self._tolerance:
            return f'more than the allowed {points(self._tolerance)}'
        harm = evidence_words(self._evidence, self._limit)
        return f'worse beyond chance ({harm})'

    def _proof_words(self) -> str:
        bound = f'at most {points(self._tolerance)} worse' if self._tolerance else 'not worse'
        shown = 'and' if self._proven else 'but not'
        evidence = evidence_words(self._proof_evidence, self._proof_limit)
        return f'{shown} proven to be {bound} ({evidence})'

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'harm': self._harm.dump(),
            'proof': self._proof.dump(),
            'baseline': self._baseline.dump(),
            'bounds': None if self._bounds is None else self._bounds.dump(),
            'failed': self._failed,
            'proven': self._proven,
            'weighted': list(self._weighted),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._harm.load(data['harm'])
        self._proof.load(data['proof'])
        self._baseline.load(data['baseline'])
        if self._bounds is not None and data['bounds'] is not None:
            self._bounds.load(data['bounds'])
        self._failed = data['failed']
        self._proven = data.get('proven', False)
        self._weighted = list(data['weighted'])
