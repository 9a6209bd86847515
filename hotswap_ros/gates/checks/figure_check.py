# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The check of a figure that tasks report beside their success."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from hotswap_ros.gates import result
from hotswap_ros.gates.pairing.control_mean import ControlMean
from hotswap_ros.gates.pairing.tasks import Arm, DrawnTasks
from hotswap_ros.gates.result import CheckResult, Verdict, conclusion, ratio, verdict_of
from hotswap_ros.gates.stats.betting import CountEvidence, ScoreEvidence
from hotswap_ros.gates.tally import Tally
from hotswap_ros.gates.window import Window

_Evidence = TypeVar('_Evidence', ScoreEvidence, CountEvidence)


class FigureCheck(ABC, Generic[_Evidence]):
    """
    Check of a figure that is added up over the tasks of each version.

    Only tasks count whose version was drawn with a known share. They count in the order in which
    they began, and each against what is expected of it: the control's mean before it, in its
    category. Once the evidence reaches the limit, the verdict stays FAIL.
    """

    name: ClassVar[str]
    #: The mean that is expected before the control has finished a task.
    _prior: ClassVar[float]
    #: What the check looks for, in words.
    _harm_words: ClassVar[str]

    def __init__(self, alpha: float, harm: _Evidence) -> None:
        self._alpha = alpha
        self._limit = 1 / alpha
        self._harm: _Evidence = harm
        self._mean = ControlMean(self._prior)
        #: Of control and candidate.
        self._tasks = [0, 0]
        self._totals = [0.0, 0.0]
        self._failed = False

    @abstractmethod
    def _total(self, arm: Arm) -> float:
        """Return the sum of the figure over tasks that ended."""

    @abstractmethod
    def _judge(self, arm: Arm, own: bool, share: float, mean: float) -> None:
        """Take in tasks of the candidate (`own`) or of the control."""

    @abstractmethod
    def _figures(self, window: Window, control: float, own: float) -> str:
        """Return the means of both versions in words."""

    def join(self, robot_id: str, history: Tally) -> None:
        """Take in the control's earlier tasks on a robot."""
        earlier = Arm(
            history.finished,
            history.succeeded,
            progress=history.progress,
            duration_ms=history.duration_ms,
            interventions=history.interventions,
        )
        self._mean.remember(earlier.tasks, self._total(earlier))

    def draw(self, found: DrawnTasks) -> None:
        """Take in tasks whose versions were drawn, in the order in which they began."""
        # In an order that does not depend on the versions.
        for category, both in sorted(found.categories.items()):
            if self._failed:
                return
            mean = self._mean.of(category)
            for index, arm in enumerate(both):
                if arm.tasks:
                    self._judge(arm, bool(index), found.share, mean)
                    self._tasks[index] += arm.tasks
                    self._totals[index] += self._total(arm)
            self._failed = self._harm.value >= self._limit
            self._mean.learn(category, both[0].tasks, self._total(both[0]))

    @property
    def failed(self) -> bool:
        """Whether the evidence of harm has reached its limit."""
        return self._failed

    @property
    def evidence(self) -> float:
        """The evidence of harm; 1 is none."""
        return self._harm.value

    def result(self, window: Window, *, complete: bool) -> CheckResult:
        """Return the present verdict; `complete` says that the stage has all its data."""
        enough = min(self._tasks) >= result.MIN_TASKS and self._is_reported(window)
        verdict = verdict_of(failed=self._failed, complete=complete, enough=enough)
        control, own = map(ratio, self._totals, self._tasks)
        return CheckResult(
            name=self.name,
            verdict=verdict,
            method='e-process',
            sentence=f'{self._subject(window, control, own)}: {self._end(verdict)}.',
            estimate=own,
            control=control,
            evidence=self._harm.value,
            evidence_limit=self._limit,
            n=self._tasks[1],
            n_control=self._tasks[0],
            alpha=self._alpha,
        )

    def _is_reported(self, window: Window) -> bool:
        return True

    def _subject(self, window: Window, control: float, own: float) -> str:
        if not all(self._tasks):
            return f'No tasks of both versions have been compared by {self.name}'
        if not self._is_reported(window):
            return f'The robots do not report {self.name} with each version'
        return self._figures(window, control, own)

    def _end(self, verdict: Verdict) -> str:
        return conclusion(verdict, self._harm.value, self._limit, harm=self._harm_words)

    def dump(self) -> dict[str, Any]:
        """Return the whole state for JSON."""
        return {
            'harm': self._harm.dump(),
            'mean': self._mean.dump(),
            'tasks': list(self._tasks),
            'totals': list(self._totals),
            'failed': self._failed,
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self._harm.load(data['harm'])
        self._mean.load(data['mean'])
        self._tasks, self._totals = list(data['tasks']), list(data['totals'])
        self._failed = data['failed']
