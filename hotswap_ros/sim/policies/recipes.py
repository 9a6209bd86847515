# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Recipes of the simulated releases: training, fault, and the check that finds it."""

from __future__ import annotations

from dataclasses import dataclass

from hotswap_ros.models import FailureCause
from hotswap_ros.sim.arm.task import SERVICE, Site

MODEL_ID = 'pick_policy'


@dataclass(frozen=True)
class Style:
    """
    The driving style of an expert.

    `gain` is its joint speed per joint error (1/s), `above_m` how far it passes over a post,
    `acceleration` (rad/s²) and `gentle` (kg·rad/s²) the largest change of speed that it asks for,
    with an empty and a loaded gripper. `heavy_compensation` is the part of a heavy payload's
    torque that it makes up for. `goes_round` posts rather than over them, the other way round.
    """

    gain: float = 6.0
    above_m: float = 0.025
    acceleration: float = 25.0
    gentle: float = 22.0
    heavy_compensation: float = 1.0
    goes_round: bool = False


USUAL = Style()


@dataclass(frozen=True)
class Training:
    """
    The training of a network.

    `rounds` of 1,000 tasks are recorded with an expert of this `style`. `site` are those of
    the robots that record, and of the lab that measures the network.
    """

    seed: int = 1
    rounds: int = 10
    site: Site = SERVICE
    style: Style = USUAL


@dataclass(frozen=True)
class Catch:
    """
    The check that finds a bad release, and the first hypothesis of its report.

    `check` is a check of the gate (`success`, `categories`, ...), or `load`: no robot takes it, or
    `guard`: the guard refuses its answers for `cause`, by which the breaker takes it out or the
    gate's `grave_events` count it. `diagnosis` is how the first hypothesis begins; empty where the
    cause is said by load or guard.
    """

    check: str
    cause: FailureCause | None = None
    diagnosis: str = ''


@dataclass(frozen=True)
class Recipe:
    """
    One release: its training, the reason for it, and its expected success rate.

    `training` makes a network; None: the network and the figures of v24 in the repository. `graph`
    names the change to its file (see `graphs`). `success` is the success rate in service without a
    guard, and `is_measured` whether it can be measured. `bounds_inputs`: its manifest says within
    which bounds observations are, so that robots try them before it serves. `catch` is None for a
    good release.
    """

    version: str
    success: float
    description: str
    reason: str
    training: Training | None = None
    graph: str = ''
    is_measured: bool = True
    bounds_inputs: bool = True
    catch: Catch | None = None


GOOD = (
    Recipe(
        'v23',
        0.925,
        'The version in service.',
        'Released after six rounds of data. Far goals and heavy payloads need the most examples '
        'and are what it is least sure of.',
        Training(rounds=6),
    ),
    Recipe(
        'v24',
        0.94,
        'The next version: the same network, half as much data again.',
        'The data of v23 and four more rounds: more of the far goals and heavy payloads that v23 '
        'misses. What still fails is mostly what a camera and a gripper cannot know.',
        Training(),
    ),
)

_AFTER_V24 = 'The network of v24, '

#: Bad releases, each with a fault from real life.
ZOO = (
    Recipe(
        'v25_regressed',
        0.79,
        'Worse everywhere: it knows goals to the nearest 16 mm only.',
        'The network of v24, exported with its inputs as numbers of few bits, in a format that '
        'was chosen for joints: goals come in steps of a 64th of a metre.',
        Training(),
        'coarse_goals',
        catch=Catch('success', diagnosis='It is worse everywhere'),
    ),
    Recipe(
        'v25_heavy',
        0.87,
        'Fine except for heavy payloads.',
        'Heavy payloads were recorded with an expert whose scales read too little: it makes up '
        'for a part of their weight only, and lets them sag.',
        Training(style=Style(heavy_compensation=0.7)),
        catch=Catch('categories', diagnosis='One task category is broken'),
    ),
    Recipe(
        'v25_overfitted',
        0.72,
        'Good at what it was trained on, bad at the rest.',
        'Recorded and measured in a test hall that has near goals and clutter only: no far goal, '
        'no heavy payload.',
        Training(rounds=6, site=Site(categories=('near', 'cluttered'))),
        catch=Catch('success', diagnosis='Overfitting'),
    ),
    Recipe(
        'v25_drifted',
        0.56,
        'Trained on data of robots as they are not.',
        'Recorded and measured after torque sensors had been exchanged and not been zeroed: it '
        'learned to take their 2 N·m off, and lets payloads sag where there is nothing to take.',
        Training(rounds=6, site=Site(torque_offset=(0.0, 2.0, 1.0))),
        catch=Catch('input_drift', diagnosis='Training data drift'),
    ),
    Recipe(
        'v25_slow',
        0.94,
        'Right, and too late: a decision takes 200 ms.',
        _AFTER_V24 + 'as a refining policy with as many steps as the authors of the method took '
        'on their graphics cards.',
        graph='slow',
        is_measured=False,
        catch=Catch('guard', FailureCause.DEADLINE),
    ),
    Recipe(
        'v25_slow_heavy',
        0.94,
        'Too late on some robots: those that carry heavy goods.',
        _AFTER_V24 + 'as a refining policy that takes more steps the more it feels in its '
        'gripper. On robots of aisles with heavy goods it misses its deadline.',
        graph='slow_heavy',
        is_measured=False,
        catch=Catch('guard', FailureCause.DEADLINE),
    ),
    Recipe(
        'v25_nan',
        0.94,
        'NaN on rare inputs.',
        _AFTER_V24 + 'slowed down near the largest load of the shoulder, by a root of what is '
        'left to it. Beyond, there is less than nothing left.',
        graph='not_a_number',
        is_measured=False,
        catch=Catch('guard', FailureCause.NOT_FINITE),
    ),
    Recipe(
        'v25_joint_limits',
        0.79,
        'Drives the arm against its joint limits.',
        'Recorded on arms whose yaw has no stops: past clutter, it goes round the other way.',
        Training(rounds=6, site=Site(endless_yaw=True), style=Style(goes_round=True)),
        catch=Catch('grave_events', diagnosis="It gets stuck in 'cluttered' tasks"),
    ),
    Recipe(
        'v25_overspeed',
        0.94,
        'Asks for more speed than the joints have.',
        _AFTER_V24 + 'exported without its last activation, which kept it within the limits.',
        graph='unbounded',
        catch=Catch('guard', FailureCause.OUT_OF_BOUNDS),
    ),
    Recipe(
        'v25_jerky',
        0.89,
        'Jerks: neighbouring decisions are too far apart.',
        'Recorded with an expert that is tuned for speed alone: it starts and stops from one '
        'decision to the next.',
        Training(rounds=4, style=Style(gain=20.0, acceleration=1e3, gentle=1e3)),
        catch=Catch('guard', FailureCause.RATE_LIMIT),
    ),
    Recipe(
        'v25_crashing',
        0.94,
        'Ends the process of the runtime on rare inputs.',
        _AFTER_V24 + 'slowed down as v25_nan is, in the fixed point arithmetic of a controller. '
        'Too large a load overflows, and the least integer divided by minus one is a trap of the '
        'processor (x86; others give a wrong number).',
        graph='crashing',
        is_measured=False,
        bounds_inputs=False,
        catch=Catch('guard', FailureCause.CRASH),
    ),
    Recipe(
        'v25_leaking',
        0.94,
        'Takes more and more memory.',
        _AFTER_V24 + 'as a sampler that draws until it accepts. Draws are seldom many, but ever '
        'more so, and the runtime keeps the memory of the largest.',
        graph='leaking',
        is_measured=False,
        catch=Catch('guard', FailureCause.CRASH, 'Robots disabled it'),
    ),
    Recipe(
        'v25_wrong_shape',
        0.94,
        'Puts out four numbers where robots take three.',
        _AFTER_V24
        + 'and a speed for the gripper of the next generation. The manifest was copied.',
        graph='wrong_shape',
        is_measured=False,
        catch=Catch('load'),
    ),
    Recipe(
        'v25_different',
        0.94,
        'As good as v24, by other decisions.',
        'Recorded with an expert of another school, who goes slowly and high over posts. A shadow '
        'seldom agrees, and success is the same: agreement says nothing of worth.',
        Training(style=Style(gain=5.0, above_m=0.06, acceleration=18.0, gentle=18.0)),
        catch=Catch('shadow'),
    ),
)

RECIPES = GOOD + ZOO
