# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Choose the winner: a trial by its outcomes, a shadow by what it would have decided."""

from __future__ import annotations

from hotswap_ros.fleet.events import EventKind, Level
from hotswap_ros.plan import ChooseWinner
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.evidence.winner import conclude_shadow, conclude_trial
from hotswap_ros.rollout.state import Conclusion
from hotswap_ros.rollout.steps.context import Move, Outcome, StepContext


def begin(step: ChooseWinner, context: StepContext) -> None:
    """Nothing changes before the choice."""


def run(step: ChooseWinner, context: StepContext) -> Outcome:
    """Choose, once."""
    state, gate_feed = context.state, context.gate_feed
    names = state.stable, state.plan.version
    if gate_feed.control_has_lost:
        text = sentences.control_lost(gate_feed.control_has_lost, names[1])
        found = Conclusion(verdict='promote', sentence=text)
    elif step.metric == 'shadow':
        criteria = state.plan.success_criteria if state.watch is None else state.watch.criteria
        found = conclude_shadow(gate_feed.trial_counts, *names, criteria.max_success_drop)
    else:
        found = conclude_trial(step, gate_feed.trial_counts, *names, gate_feed.watched)
    if step.needs_proof and found.is_for_candidate and not state.is_proven:
        bound = context.criteria.proof_words
        text = sentences.won_unproven(found.sentence, names, bound)
        found = Conclusion(verdict='keep', sentence=text, evidence=found.evidence)
    found.is_binding = step.is_binding
    state.conclusions.append(found)
    context.say(
        context.now, EventKind.VERDICT, Level.INFO, found.sentence, step.robots, alert=True
    )
    return Outcome(Move.DONE)
