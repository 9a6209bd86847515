# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sentences for people about one rollout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized

from hotswap_ros.text import count, counted, few, none_confirmed, time_words, unconfirmed

_DONE = {
    'pause': 'paused',
    'resume': 'resumed',
    'approve': 'approved',
    'refuse': 'refused',
    'skip_wait': 'wait skipped',
    'abort': 'aborted',
    'rollback': 'rolled back',
    'set_share': 'share set to {share:.0%}',
    'exclude': 'a robot excluded',
}


def started(strategy: str, version: str, robots: Sized, waits: str = '') -> str:
    """Return that a rollout began, or what it `waits` for."""
    return f'{strategy} of {version} on {counted(robots)} {waits or "began"}'


def waits_for_window(windows: Sequence[object]) -> str:
    """Return that a rollout waits for one of its deployment windows."""
    return f'waits for a deployment window: {"; ".join(map(str, windows))}'


def step_waits(title: str, waits: str) -> str:
    """Return what a step waits for before it begins."""
    return f'{title}: {waits}'


def window_open() -> str:
    """Return that a deployment window is open."""
    return 'the deployment window is open'


def joined(robot_id: str) -> str:
    """Return that a new robot takes part in a rollout."""
    return f'{robot_id} joined the rollout'


def overridden(name: str, by: str, remark: str, sentence: str) -> str:
    """Return that a person overrode an item of the checklist."""
    return f'{name} overridden by {by} ({remark}): {sentence}'


def restarted(seconds: float) -> str:
    """Return that the coordinator continues a rollout after a restart."""
    return f'the coordinator restarted after {seconds:.0f} s and continues the rollout'


def evidence_lost(why: str) -> str:
    """Return that a gate cannot use the evidence from before a restart."""
    return (
        f'the gate cannot use its saved evidence ({why}) and starts again: resume to watch this '
        'stage from its beginning, or roll back'
    )


def by_person(verb: str, remark: str, share: float = 0.0) -> str:
    """Return what a person did, with their remark."""
    text = f'{_DONE[verb].format(share=share)} by a person'
    return f'{text} ({remark})' if remark else text


def share_raised(before: float, share: float) -> str:
    """Return that the schedule of a flag raised its share."""
    return f'share raised from {before:.0%} to {share:.0%}'


def unsigned() -> str:
    """Return that a promotion without a proof needs a name and a remark."""
    return "the version is not proven: give your name ('by') and why ('remark')"


def bad_share(share: float | None) -> str:
    """Return that a share cannot be set."""
    return f'share is {share}: use 0 to 1'


def approval_needed(title: str) -> str:
    """Return that a step needs approval."""
    return f'{title}: approve or refuse'


def approval_late(timeout_s: float, on_timeout: str) -> str:
    """Return that nobody approved in time, and what the plan says for this case."""
    then = {
        'pause': 'still waiting',
        'continue': 'the plan says to continue',
        'rollback': 'the plan says to roll back',
    }
    return f'nobody approved within {time_words(timeout_s)}: {then[on_timeout]}'


def plan_continues(text: str) -> str:
    """Return that the plan says to continue without a verdict; `text` says why there is none."""
    return f'{text} The plan says to continue.'


def plan_rolls_back(text: str) -> str:
    """Return that the plan says to roll back without a verdict; `text` says why there is none."""
    return f'{text} The plan says to roll back.'


def person_decides(text: str) -> str:
    """Return that a person decides without a verdict; `text` says why there is none."""
    return f'{text} Resume to watch more tasks, skip the wait, or abort.'


def person_decides_on_proof(text: str) -> str:
    """Return that a person decides without a proof; `text` says why there is none."""
    return f'{text} Resume to watch more tasks, promote with your name and a remark, or roll back.'


def proof_begins(bound: str, tasks: int, seconds: float) -> str:
    """Return that a stage goes on for a proof, and how far."""
    return (
        f'no harm is shown, but it is not {proven(bound)} yet: the stage goes on for up to '
        f'{count(tasks, "task")} or {time_words(seconds)}'
    )


def not_proven(bound: str, tasks: int, seconds: float) -> str:
    """Return that a stage spent what it may on a proof, in vain."""
    spent = f'{count(tasks, "more task")} in {time_words(seconds)}'
    return f'{spent} have not proven that it is {bound}.'


def proven(bound: str) -> str:
    """Return what promoted a version: a proof, such as "at most 2.0 points worse"."""
    return f'proven to be {bound}'


def no_harm() -> str:
    """Return what promoted a version: no harm."""
    return 'no harm shown'


def promoted_by(by: str, remark: str) -> str:
    """Return which person promoted a version without a proof, and why."""
    return f'not proven, promoted by {by} ({remark})'


def few_in_stage(tasks: int, wanted: int) -> str:
    """Return that a stage has too few tasks of its own."""
    return f'This stage has {tasks:,} of {wanted:,} tasks of its own.'


def few_of_their_own(version: str, robots: int, tasks: int, wanted: int) -> str:
    """Return that a stage says nothing about the robots that are new in it."""
    where = f'the {robots:,} robots that are new' if robots > 1 else 'the robot that is new'
    return f'{version} has finished {tasks:,} of {wanted:,} tasks on {where} in this stage.'


def too_few_tasks(tasks: int, wanted: int, seconds: float) -> str:
    """Return that a stage got too few tasks in time."""
    spent = time_words(seconds)
    return f'Only {tasks:,} of {wanted:,} tasks finished in {spent}: too few to decide.'


def too_few_compared(compared: int, needed: int) -> str:
    """Return that a shadow was compared in too few tasks."""
    return f'The shadow was compared in {count(compared, "task")}, {needed} are needed.'


def settling() -> str:
    """Return that a stage has all tasks of the candidate."""
    return 'all tasks are complete: waiting for the matching control tasks to finish'


def passed(checks: Iterable[str]) -> str:
    """Return the sentences of checks that passed."""
    return ' '.join(checks) or 'no check applies'


def ends_early(why: str) -> str:
    """Return that a trial needs no more tasks."""
    return f'the trial ends early: {why}'


def control_lost(why: str, version: str) -> str:
    """Return that a trial is decided because the control is worse."""
    return f'{why}. Promote {version}.'


def won_unproven(why: str, names: tuple[str, str], bound: str) -> str:
    """Return that a version won by latency or cost, and nothing is proven of its success."""
    stable, version = names
    return f'{why} But {version} is not {proven(bound)}. Keep {stable}.'


def no_room(robots: Sequence[str]) -> str:
    """Return which robots cannot hold two versions."""
    return (
        f'{few(robots)} may hold one version only, a rollout needs two: '
        "raise parameter 'resident_limit' there"
    )


def different_files(version: str, digests: Mapping[str, str]) -> str:
    """Return that robots hold different files as one version; `digests` are by robot."""
    robots: dict[str, list[str]] = {}
    for robot_id, digest in digests.items():
        robots.setdefault(digest, []).append(robot_id)
    parts = '; '.join(f'{digest[:12]}… on {few(names)}' for digest, names in robots.items())
    return f'robots have different files of {version} ({parts}): copy the same files to all robots'


def cannot_load(robot_id: str, version: str, message: str) -> str:
    """Return that a robot cannot load the version."""
    return f'{robot_id} cannot load {version}: {message}'


def cannot_serve(robot_id: str, version: str, message: str) -> str:
    """Return that a robot refuses a routing with the version."""
    return f'{robot_id} cannot serve {version}: {message}'


def nothing_to_compare(strategy: str, robots: Sequence[str]) -> str:
    """Return that a strategy has no robot with a previous version, and the remedy."""
    return (
        f'strategy: {strategy} compares with a previous version, and {few(robots)} '
        f'{"serves" if len(robots) == 1 else "serve"} nothing yet: bring the first version there '
        "with 'strategy: Direct'"
    )


def other_interface(version: str, previous: str, found: Sequence[str]) -> str:
    """Return in which tensors a version differs from what robots serve, and the remedy."""
    return (
        f'version: robots that serve {previous} cannot serve {version} in its place '
        f'({"; ".join(found)}): export it with the same inputs and outputs, or give it a model '
        'name of its own, for robots with other code'
    )


def not_loaded(robots: Sequence[str], timeout_s: float) -> str:
    """Return which robots did not load the version in time."""
    return _late(robots, 'load the version', timeout_s)


def not_confirmed(robots: Sequence[str], timeout_s: float) -> str:
    """Return which robots did not confirm a routing in time."""
    return _late(robots, 'confirm the routing', timeout_s)


def _late(robots: Sequence[str], action: str, timeout_s: float) -> str:
    return f'{counted(robots)} did not {action} within {time_words(timeout_s)}: {few(robots)}'


def not_unloaded(robots: Sequence[str]) -> str:
    """Return which robots did not unload the previous version in time."""
    return f'{counted(robots)} did not unload the previous version in time: {few(robots)}'


def promoted(version: str, robots: Sized, how: str = '') -> str:
    """Return that a rollout promoted its version, and `how`."""
    text = f'{version} serves everything on {counted(robots)}'
    return f'{text} ({how})' if how else text


def not_promoted(version: str) -> str:
    """Return that a rollout succeeded whose plan does not promote the version."""
    return f'{version} passed; the plan does not promote it'


def most_likely(cause: str) -> str:
    """Return the most likely cause of a failure."""
    return f'most likely: {cause}'


def not_diagnosed(error: Exception) -> str:
    """Return that a diagnosis failed."""
    return f'the diagnosis failed: {type(error).__name__}: {error}'


def still_paused(ended: str, reason: str) -> str:
    """Return that a pause ended and another one has not."""
    return f'{ended}; still paused: {reason}'


def unreachable(robots: Sequence[str], allowed: int, quarantined: Sequence[str]) -> str:
    """Return which robots of the cohort are unreachable."""
    text = f'{counted(robots)} of the cohort unreachable, {allowed} allowed: {", ".join(robots)}'
    if quarantined:
        text += f'; quarantined (duplicate robot_id): {", ".join(quarantined)}'
    return text


def unreachable_for(seconds: float) -> str:
    """Return why a robot was excluded: nobody heard it for so long."""
    return f'unreachable for more than {time_words(seconds)}'


def excluded(why: Mapping[str, str]) -> str:
    """Return which robots no longer take part, each with the reason."""
    return f'{counted(why)} excluded from the rollout: {_each(why)}'


def excluded_by_person(robot_id: str, remark: str) -> str:
    """Return that a person excluded a robot."""
    text = f'{robot_id} excluded from the rollout by a person'
    return f'{text} ({remark})' if remark else text


def _each(why: Mapping[str, str]) -> str:
    shown = [f'{robot_id} ({text})' for robot_id, text in sorted(why.items())[:5]]
    more = f' and {len(why) - len(shown)} more' if len(why) > len(shown) else ''
    return ', '.join(shown) + more


def person_excludes(robots: Sequence[str], seconds: float, refusal: str) -> str:
    """Return that a person decides about robots that do not come back; `refusal`: why not we."""
    text = f'{few(robots)} unreachable for more than {time_words(seconds)}: '
    if refusal:
        return f'{text}{refusal}'
    return text + "exclude the robot ('hotswap rollout exclude'), roll back, or wait"


def plan_rolls_back_unreachable(robots: Sequence[str], seconds: float) -> str:
    """Return that the plan says to roll back because robots do not come back."""
    return (
        f'{few(robots)} unreachable for more than {time_words(seconds)}. '
        'The plan says to roll back.'
    )


def no_robot_left(robots: Sequence[str], title: str) -> str:
    """Return that robots cannot be excluded because a step would have no robot."""
    return (
        f"without {few(robots)}, step '{title}' would have no robot: wait for it, or roll back "
        'and start a rollout without it'
    )


def too_many_failed(why: Mapping[str, str], allowed: int) -> str:
    """Return that more robots failed than the plan allows."""
    return f'{counted(why)} failed, {allowed} allowed (maxFailed): {_each(why)}'


def with_refusals(text: str, why: Mapping[str, str]) -> str:
    """Return a sentence on robots that are late, with what they said last."""
    said = {robot_id: last for robot_id, last in why.items() if last}
    return f'{text} (last answers: {_each(said)})' if said else text


def not_in_rollout(robot_id: str, known: Iterable[str]) -> str:
    """Return that a robot does not take part, with the robots that do."""
    if not robot_id:
        return "name the robot ('robot_id')"
    return f"'{robot_id}' does not take part (robots: {few(sorted(known), 10)})"


def excluded_already(robot_id: str, why: str) -> str:
    """Return that a robot is excluded already."""
    return f'{robot_id} is excluded already ({why})'


def no_counters(robots: Sequence[str], allowed: int) -> str:
    """Return which reachable robots send no counters."""
    names = ', '.join(robots)
    return f'{counted(robots)} reachable but without counters, {allowed} allowed: {names}'


def gate_fails(times: int, error: str) -> str:
    """Return that a gate cannot judge."""
    return f'the gate failed to judge {times} times in a row: {error}'


def gave_up(robot_id: str, version: str, reason: str) -> str:
    """Return that a robot does not try a version again."""
    return f'{robot_id} gave {version} up by itself: {reason}'


def breaker_open(robot_id: str, version: str, count: int, cause: str) -> str:
    """Return that the breaker of a robot stopped a version."""
    what = f'{count} requests in a row failed (cause of the last one: {cause})'
    if not count:
        what = 'it crashed or hung'
    return f'{robot_id} stopped {version} by itself: {what}'


def rolled_back(
    reason: str,
    versions: str,
    served: Sized,
    missing: Sequence[str],
    seconds: float,
    unreachable_robots: int,
) -> str:
    """Return how a rollback ended: `missing` of the robots that `served` have not confirmed."""
    back = f'{versions} is back on' if versions else 'Nothing is served, as before, on'
    text = f'{reason.rstrip(".")}. {back} '
    confirmed = len(served) - len(missing)
    text += f'{confirmed} of {counted(served)}' if missing else counted(served)
    nobody = none_confirmed(seconds, unreachable_robots)
    text += f' after {seconds:.1f} s' if confirmed else f': {nobody}'
    return f'{text}; {unconfirmed(missing)}.' if missing else f'{text}.'
