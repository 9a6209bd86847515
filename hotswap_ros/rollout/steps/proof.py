# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Prove: a step before a promotion goes on until the gate has proven the candidate."""

from __future__ import annotations

from hotswap_ros.fleet.events import EventKind, Level
from hotswap_ros.rollout import sentences
from hotswap_ros.rollout.state import ProofProgress
from hotswap_ros.rollout.steps.context import DONE, WAIT, Move, Outcome, StepContext


def proven(context: StepContext, outcome: Outcome = DONE) -> Outcome:
    """
    Return the outcome of a step that has passed, if it needs no proof or has one.

    Otherwise the step goes on, for as many tasks and as long as the plan allows. Then the gate
    could not decide.
    """
    state, proof = context.state, context.state.step.proof
    if outcome.move is not Move.DONE or proof is None or state.is_proven:
        return outcome
    bound = context.criteria.proof_words
    tasks = context.gate_feed.step_tasks
    if state.proof is None:
        state.proof = ProofProgress(since=context.now, tasks=tasks)
        context.gate_feed.reopen()
        text = sentences.proof_begins(bound, proof.tasks, proof.duration_s)
        context.say(context.now, EventKind.PROOF, Level.INFO, text)
    spent, spent_s = tasks - state.proof.tasks, context.now - state.proof.since
    if spent < proof.tasks and spent_s < proof.duration_s:
        return WAIT
    return Outcome(Move.UNDECIDED, sentences.not_proven(bound, spent, spent_s))
