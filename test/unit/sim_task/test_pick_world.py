# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Tasks end as physics has it, and are the same for whoever does them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip('mujoco')

from hotswap_ros.sim.arm import task
from hotswap_ros.sim.arm.expert import Expert
from hotswap_ros.sim.arm.scene import (
    CATEGORIES,
    CLUTTER,
    PAYLOAD_RADIUS_M,
    Scene,
    draw_scene,
    draw_traits,
    generator,
)
from hotswap_ros.sim.arm.task import CONTROL_PERIOD_S, PickWorld, Site, TaskEnd, TaskStart
from hotswap_ros.sim.policies.episodes import rollout

NONE = (0.0, 0.0, 0.0)
STILL = np.zeros((1, 3), np.float32)
SCENE = Scene(
    category='near',
    start=(0.0, 0.5, 0.2),
    goal=(0.6, 0.45, 0.25),
    post=(-1.0, 0.4, 0.2),
    clutter=(),
    payload_kg=0.5,
    payload_radius_m=0.03,
    grip_n=1000.0,
    camera_error=NONE,
    post_error=NONE,
)


def drive(world, policy):
    end = None
    while end is None:
        end = world.step(policy(world.observation()))
    return end


def constant(*speeds):
    return lambda observation: np.array([speeds], np.float32)


@pytest.fixture
def world_of(monkeypatch):
    """Return a world whose tasks all have one scene."""

    def make(**changes):
        scene = replace(SCENE, **changes)
        monkeypatch.setattr(task, 'draw_scene', lambda random, traits: scene)
        world = PickWorld('robot', 1)
        world.traits = replace(world.traits, camera_offset=NONE)
        world.begin()
        return world

    return make


def test_the_expert_places_the_payload(world_of):
    world = world_of()
    end = drive(world, Expert(world))
    assert end == TaskEnd(True, False, '', end.duration_s, end.progress)
    assert 0.5 < end.duration_s < 2.0
    assert end.duration_s / CONTROL_PERIOD_S == pytest.approx(
        round(end.duration_s / CONTROL_PERIOD_S)
    )


@pytest.mark.parametrize(
    ('off', 'error', 'progress'), [(0.006, '', 0.75), (0.016, 'misplaced', 0.33)]
)
def test_how_near_is_decided_by_the_tolerance(world_of, off, error, progress):
    world = world_of()
    azimuth, distance, height = SCENE.goal
    world.scene = replace(SCENE, goal=(azimuth, distance, height + off))
    end = drive(world, Expert(world))
    assert end.error == error
    assert end.progress == pytest.approx(progress, abs=0.15)


def test_a_task_that_was_given_up_scores_by_how_near_it_came(world_of):
    far = drive(world_of(), constant(0.0, 0.0, 0.0))
    world = world_of()
    azimuth, distance, height = SCENE.goal
    world.scene = replace(SCENE, goal=(azimuth - 0.2, distance, height))
    near = drive(world, Expert(world))
    assert far.progress == pytest.approx(0.0, abs=0.02)
    assert 0.1 < near.progress < 0.5


def test_a_camera_that_is_off_leads_an_honest_policy_astray(world_of):
    world = world_of(camera_error=(0.0, 0.015, 0.0))
    azimuth, distance, height = SCENE.goal
    world.scene = replace(SCENE, goal=(azimuth + 0.015 / distance, distance, height))
    assert drive(world, Expert(world)).error == 'misplaced'


def test_a_hand_that_rests_elsewhere_is_stuck(world_of):
    world = world_of()
    azimuth, distance, height = SCENE.goal
    world.scene = replace(SCENE, goal=(azimuth - 0.2, distance, height))
    end = drive(world, Expert(world))
    assert end == TaskEnd(False, True, 'stuck', end.duration_s, end.progress)
    assert end.duration_s < 2.5


def test_an_arm_pressed_against_its_limit_says_so(world_of):
    world = world_of(start=(2.2, 0.5, 0.3), goal=(1.5, 0.5, 0.3), payload_kg=0.01)
    end = drive(world, constant(1.5, 0.0, 0.0))
    assert end == TaskEnd(False, True, 'joint limit', end.duration_s, end.progress)


def test_the_straight_way_through_the_post_is_a_collision(world_of):
    blocked = {'goal': (1.2, 0.45, 0.15), 'start': (0.0, 0.5, 0.15)}
    world = world_of(post=(0.6, 0.4, 0.25), **blocked)
    world.scene = replace(SCENE, **blocked)
    assert drive(world, Expert(world)).error == 'collision'


def test_the_expert_goes_over_the_post(world_of):
    world = world_of(
        goal=(1.2, 0.45, 0.15), start=(0.0, 0.5, 0.15), post=(0.6, 0.4, 0.25)
    )  # fmt: skip
    assert drive(world, Expert(world)).success


@pytest.mark.parametrize(('grip_n', 'error'), [(50.0, 'dropped'), (100.0, '')])
def test_a_jerk_tears_the_payload_out_of_a_weak_gripper(world_of, grip_n, error):
    world = world_of(payload_kg=1.5, grip_n=grip_n)
    expert = Expert(world)
    jerk = iter([*[(2.5, -2.5, -2.5)] * 2, *[(-2.5, 2.5, 2.5)] * 2])

    def policy(observation):
        speeds = next(jerk, None)
        return expert(observation) if speeds is None else np.array([speeds], np.float32)

    assert drive(world, policy).error == error


def test_a_hand_that_never_rests_runs_out_of_time(world_of):
    world = world_of()
    side = iter(range(1000))
    end = drive(world, lambda observation: constant((-1.0) ** next(side), -0.1, 0.0)(None))
    assert end == TaskEnd(False, False, 'timeout', 3.0, end.progress)


def test_the_same_robot_has_the_same_tasks_whoever_does_them():
    first, second = PickWorld('robot', 7), PickWorld('robot', 7)
    rollout(first, Expert(first), 5)
    rollout(second, lambda observation: STILL, 5)
    assert first.begin() == second.begin() == TaskStart(6, first.scene.category)
    assert first.scene == second.scene
    assert first.observation().tolist() == second.observation().tolist()
    assert drive(first, Expert(first)) == drive(second, Expert(second))


@pytest.mark.parametrize('other', [('robot_2', 7), ('robot', 8)])
def test_other_robots_have_other_tasks_and_traits(other):
    first, second = PickWorld('robot', 7), PickWorld(*other)
    assert first.traits != second.traits
    first.begin()
    second.begin()
    assert first.scene != second.scene


def test_random_numbers_are_the_same_on_every_machine():
    assert generator(7, 'robot', 'tasks').random() == 0.6106500984435003


def test_noise_is_fresh_and_the_buffer_is_not(world_of):
    world = world_of()
    buffer = world.observation()
    before = buffer.copy()
    world.step(STILL)
    assert world.observation() is buffer
    assert (buffer != before).all()


def test_what_is_observed(world_of):
    world = world_of(camera_error=(0.01, 0.0, 0.0), post_error=(0.0, 0.1, 0.0))
    seen = world.observation()[0]
    noise = 5 * np.array(task._NOISE)
    expected = [
        *world.arm.joints,
        *(0.0, 0.0, 0.0),
        *world.arm.load,
        0.45 * np.cos(0.6) - 0.5 + 0.01,
        0.45 * np.sin(0.6),
        0.05,
        -1.0,
        0.0,
        0.0,
    ]
    assert (np.abs(seen - expected) < noise).all()


def test_a_drifting_camera_shifts_the_goal_that_is_seen():
    steady, drifting = PickWorld('robot', 1), PickWorld('robot', 1)
    drifting.camera_drift = (0.01, -0.02, 0.03)
    steady.begin()
    drifting.begin()
    shift = (drifting.observation() - steady.observation())[0]
    assert shift[9:12] == pytest.approx((0.01, -0.02, 0.03), abs=1e-6)
    assert np.delete(shift, [9, 10, 11]).tolist() == [0.0] * 12


def test_torque_sensors_that_are_not_zeroed_read_too_much():
    steady, off = PickWorld('robot', 1), PickWorld('robot', 1, Site(torque_offset=(0.5, 2.0, 1.0)))
    steady.begin()
    off.begin()
    shift = (off.observation() - steady.observation())[0]
    assert shift[6:9] == pytest.approx((0.5, 2.0, 1.0), abs=1e-5)
    assert np.delete(shift, [6, 7, 8]).tolist() == [0.0] * 12


def test_a_site_has_tasks_of_its_categories_alone():
    world = PickWorld('robot', 1, Site(categories=('near', 'heavy')))
    assert {world.begin().category for _ in range(50)} == {'near', 'heavy'}


def test_only_cluttered_goals_have_things_around_them():
    random = generator(1, 'robot', 'tasks')
    traits = draw_traits(generator(1, 'robot', 'traits'))
    for _ in range(500):
        scene = draw_scene(random, traits)
        assert len(scene.clutter) == (CLUTTER if scene.category == 'cluttered' else 0)
        assert PAYLOAD_RADIUS_M[0] <= scene.payload_radius_m <= PAYLOAD_RADIUS_M[1]
        # A payload that is set down right touches none of them.
        assert all(top < scene.goal[2] - scene.payload_radius_m for _, _, top in scene.clutter)


def test_no_step_without_a_task():
    world = PickWorld('robot', 1)
    with pytest.raises(RuntimeError, match='call begin'):
        world.step(STILL)
    world.begin()
    drive(world, lambda observation: STILL)
    with pytest.raises(RuntimeError, match='call begin'):
        world.step(STILL)


def test_categories_come_as_often_as_stated():
    random = generator(1, 'robot', 'tasks')
    traits = draw_traits(generator(1, 'robot', 'traits'))
    count = Counter(draw_scene(random, traits).category for _ in range(10_000))
    for category, share in CATEGORIES.items():
        assert count[category] / 10_000 == pytest.approx(share, abs=0.025)


def test_only_cluttered_tasks_have_the_post_in_the_way():
    random = generator(1, 'robot', 'tasks')
    traits = draw_traits(generator(1, 'robot', 'traits'))
    for _ in range(2000):
        scene = draw_scene(random, traits)
        turn, post_turn = scene.goal[0] - scene.start[0], scene.post[0] - scene.start[0]
        assert (0.0 < post_turn / turn < 1.0) == (scene.category == 'cluttered')
        assert 0.2 < scene.payload_kg / traits.load_factor < 2.0


def test_the_expert_succeeds_nearly_always():
    world = PickWorld('robot', 3)
    stats = rollout(world, Expert(world), 200)
    assert stats.tasks == sum(stats.category_tasks.values()) == 200
    assert stats.succeeded == sum(stats.category_succeeded.values()) >= 194
    assert sum(stats.errors.values()) == 200 - stats.succeeded


def test_statistics_add_up():
    world = PickWorld('robot', 3)
    lazy = rollout(world, lambda observation: STILL, 3)
    assert (lazy.tasks, lazy.succeeded, lazy.stuck) == (3, 0, lazy.errors['stuck'])
    assert lazy.failed_s == lazy.simulated_s
    both = lazy + rollout(world, Expert(world), 3)
    assert both.tasks == sum(both.category_tasks.values()) == 6
    assert both.failed_s < both.simulated_s
