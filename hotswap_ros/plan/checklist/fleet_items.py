# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The items of a checklist that are about the robots: space, speed, network and rollback."""

from __future__ import annotations

from collections.abc import Sized
from datetime import datetime, timezone

from hotswap_ros.plan.checklist.facts import RobotFacts
from hotswap_ros.plan.checklist.finding import NO_ROBOT, Case, Finding
from hotswap_ros.text import counted, few, size_words, time_words

#: Limit of the 95th percentile where the plan sets none: the strategies document's.
_LATENCY_MS = 200.0


def fallback_present(case: Case) -> Finding:
    """Check that every robot can hold both versions, and that its stable version is ready."""
    robots = case.facts.robots
    if not robots:
        return NO_ROBOT
    small = [robot.robot_id for robot in robots if robot.resident_limit < 2]
    if small:
        return Finding(
            False,
            f"{few(small)} may hold one version only: set parameter 'resident_limit' to 2 there, "
            'so that the previous version stays loaded.',
        )
    bare = [robot.robot_id for robot in robots if not robot.serves]
    if bare:
        return Finding(
            False,
            f'No version is there to roll back to on {few(bare)}, where nothing is served yet: '
            'override.',
        )
    cold = [robot.robot_id for robot in robots if not robot.is_stable_ready]
    if cold:
        return Finding(
            False,
            f'The stable version is not ready on {few(cold)}, so a rollback would have to load '
            'it: load it there, or override.',
        )
    served = '/'.join(case.previous)
    return Finding(
        True, f'{served} is ready on {counted(robots)} and stays loaded: a rollback loads nothing.'
    )


def storage(case: Case) -> Finding:
    """Check that every robot has disk space for the version beside the one that it serves."""
    if not case.facts.robots:
        return NO_ROBOT
    size = _size(case)
    left = _without(case)
    if not left:
        return Finding(True, f'Every robot already has {case.plan.version}.')
    if not size:
        return Finding(
            None,
            f'The size of {case.plan.version} is unknown ({_why(case)}): set parameter '
            "'model_repository' of the coordinator, or sign.",
        )
    free = {r.robot_id: r.disk_free_bytes for r in left if r.disk_free_bytes is not None}
    short = [name for name, found in free.items() if found < size]
    if short:
        least = min(short, key=lambda name: free[name])
        return Finding(
            False,
            f'{case.plan.version} needs {size_words(size)}, {least} has {size_words(free[least])} '
            f'free: free disk space on {few(short)}.',
        )
    if len(free) < len(left):
        mute = [robot.robot_id for robot in left if robot.robot_id not in free]
        return Finding(
            None, f'The free disk space is unknown on {few(mute)}: check it there, and sign.'
        )
    least = min(free, key=lambda name: free[name])
    return Finding(
        True,
        f'{case.plan.version} needs {size_words(size)} beside the previous version; {least} has '
        f'the least free space, {size_words(free[least])}.',
    )


def latency(case: Case) -> Finding:
    """Compare the warm-up of the version, on the robots that have it loaded, with the limit."""
    if not case.facts.robots:
        return NO_ROBOT
    limit = case.plan.success_criteria.max_latency_ms or _LATENCY_MS
    found = {
        robot.robot_id: robot.warm_latency_ms
        for robot in case.facts.robots
        if robot.warm_latency_ms is not None
    }
    version = case.plan.version
    if not found:
        return Finding(
            None,
            f'The latency of {version} is unknown, because no robot has it loaded: load it on one '
            'robot of each kind (~/load_model), or sign.',
        )
    slow = sorted(name for name, ms in found.items() if ms > limit)
    worst = max(found, key=lambda name: found[name])
    text = (
        f'The p95 latency of {version} in its warm-up is at most {found[worst]:.3g} ms '
        f'({counted(tuple(found))} measured, slowest: {worst}); {limit:g} ms is allowed'
    )
    if slow:
        return Finding(False, f'{text}; too slow on {few(slow)}: make it faster, or override.')
    return Finding(True, f'{text}.')


def network_estimate(case: Case) -> Finding:
    """Estimate how long the robots take to fetch the version, all at the same time."""
    if not case.facts.robots:
        return NO_ROBOT
    size, left = _size(case), _without(case)
    if not left:
        return Finding(True, f'Every robot already has {case.plan.version}.')
    if not size:
        return Finding(
            None, f'The size of {case.plan.version} is unknown ({_why(case)}): check it, and sign.'
        )
    load = f'{counted(left)} fetch {size_words(size)} each'
    if case.checklist.bandwidth_mbps is None:
        return Finding(
            None,
            f"{load}: add 'bandwidthMbps', their bandwidth together in megabits per second, or "
            'sign.',
        )
    seconds = 8e-6 * size * len(left) / case.checklist.bandwidth_mbps
    allowed = case.checklist.max_network_time.total_seconds()
    text = (
        f'{load}, which takes {time_words(seconds)} at {case.checklist.bandwidth_mbps:g} Mbit/s; '
        f'{time_words(allowed)} is allowed'
    )
    if seconds > allowed:
        return Finding(
            False, f'{text}: roll out by region, let them fetch it earlier, or override.'
        )
    return Finding(True, f'{text}.')


def monitoring_alive(case: Case) -> Finding:
    """Check that every robot of the model is reachable and sends counters."""
    facts = case.facts
    if facts.unreachable:
        return Finding(
            False,
            f'{few(facts.unreachable)} {_are(facts.unreachable)} unreachable: reconnect them, or '
            'override to leave them out.',
        )
    if not facts.robots:
        return NO_ROBOT
    limit_s = case.plan.missing_after.total_seconds()
    mute = [
        robot.robot_id
        for robot in facts.robots
        if robot.counters_age_s is None or robot.counters_age_s > limit_s
    ]
    if mute:
        return Finding(
            False,
            f'{few(mute)} sent no counters for {time_words(limit_s)}: check that their model '
            'servers publish telemetry.',
        )
    oldest = max(robot.counters_age_s or 0.0 for robot in facts.robots)
    return Finding(
        True,
        f'{counted(facts.robots)} {_are(facts.robots)} reachable; the oldest counters are '
        f'{time_words(oldest)} old{_clocks(facts.robots)}.',
    )


def _clocks(robots: tuple[RobotFacts, ...]) -> str:
    """Return the error of the worst clock, if one is known."""
    skews = {r.robot_id: r.clock_skew_s for r in robots if r.clock_skew_s is not None}
    if not skews:
        return ''
    worst = max(skews, key=lambda name: abs(skews[name]))
    return f', clocks differ by at most {time_words(abs(skews[worst]))} ({worst})'


def rollback_rehearsed(case: Case) -> Finding:
    """Check that each robot confirmed a rollback within `rehearsed_within`, and fast enough."""
    facts, robots = case.facts, case.facts.robots
    if not robots:
        return NO_ROBOT
    recent_s = case.checklist.rehearsed_within.total_seconds()
    found = {
        robot.robot_id: rehearsal
        for robot in robots
        if (rehearsal := facts.rehearsals.get(robot.robot_id)) is not None
        and facts.now - rehearsal.ended <= recent_s
    }
    missing = [robot.robot_id for robot in robots if robot.robot_id not in found]
    if missing:
        return Finding(
            None,
            f'{few(missing)} confirmed no rollback in the last {time_words(recent_s)}: rehearse '
            'it (roll the version out to these robots and roll it back), or sign.',
        )
    slowest = max(found.values(), key=lambda rehearsal: rehearsal.seconds)
    limit_s = case.checklist.max_rollback_time.total_seconds()
    day = datetime.fromtimestamp(slowest.ended, timezone.utc)
    text = (
        f'{counted(robots)} confirmed a rollback, the slowest within '
        f'{time_words(slowest.seconds)} ({day:%Y-%m-%d})'
    )
    if slowest.seconds > limit_s:
        return Finding(
            False, f'{text}; {time_words(limit_s)} is allowed: find the cause, or override.'
        )
    return Finding(True, f'{text}.')


def _are(robots: Sized) -> str:
    return 'is' if len(robots) == 1 else 'are'


def _without(case: Case) -> tuple[RobotFacts, ...]:
    return tuple(robot for robot in case.facts.robots if not robot.holds)


def _size(case: Case) -> int:
    reported = (robot.size_bytes for robot in case.facts.robots)
    return case.candidate.size_bytes or max(reported, default=0)


def _why(case: Case) -> str:
    return case.candidate.problem or 'no robot has it'
