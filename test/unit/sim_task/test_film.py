# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Films show what happened: the same tasks side by side, and how each ended."""

import numpy as np
import pytest

pytest.importorskip('mujoco')
pytest.importorskip('PIL')

from PIL import Image

from hotswap_ros.sim.arm.expert import Expert
from hotswap_ros.sim.arm.task import PickWorld
from hotswap_ros.sim.film.film import Film, find_difference, length_of, save, shoot
from hotswap_ros.sim.film.painters import Pose, RendererMissingError, choose, painter

STILL = np.zeros((1, 3), np.float32)


def lazy(observation):
    return STILL


def mostly_right(observation):
    """Drive to where the goal is seen, at the height that the arm has."""
    return np.clip([[5 * np.arctan2(observation[0, 10], 0.5), 0.0, 0.0]], -2, 2).astype(np.float32)


@pytest.fixture
def film():
    return shoot({'lazy': lazy, 'other': mostly_right}, 'robot', 1, first=2, tasks=2)


def test_all_do_the_same_tasks(film):
    world = PickWorld('robot', 1)
    world.begin()
    for left, right in film.tasks:
        category = world.begin().category
        assert left.category == right.category == category
        assert left.poses[0].scene == right.poses[0].scene == world.scene
        assert not left.end.success
    assert film.sentence() == 'lazy 0 of 2 tasks, other 0 of 2 tasks'


def test_a_difference_is_found_where_it_is():
    # The first observation tells the third task from those before it.
    world = PickWorld('robot', 1)
    for _ in range(3):
        world.begin()
    third = world.observation().copy()
    expert = Expert(world)
    active = []

    def right_at_the_third(observation):
        if (observation == third).all():
            active.append(1)
        if not active:
            return STILL
        decision = expert(observation)
        world.step(decision)
        return decision

    assert find_difference({'a': lazy, 'b': right_at_the_third}, 'robot', 1) == 3


@pytest.mark.parametrize('ending', ['.gif', '.webp'])
def test_a_film_has_a_picture_for_every_step_and_both_sides(film, tmp_path, ending):
    short = Film(film.names, film.tasks[:1])
    seen = []
    path = tmp_path / f'new/film{ending}'
    size = save(short, painter('drawn', 120, 96), path, lambda: seen.append(1))
    assert size == path.stat().st_size > 1000
    assert len(seen) == length_of(short)
    with Image.open(path) as found:
        assert found.size == (2 * 120 + 4, 96 + 2 * 26)
        # What looks alike for a while may be one picture that is shown for longer.
        assert 10 < found.n_frames <= length_of(short)


def test_no_other_kind_of_file_is_written(film, tmp_path):
    with pytest.raises(ValueError, match=r"'film\.avi' must end in \.gif or \.webp"):
        save(film, painter('drawn', 120, 96), tmp_path / 'film.avi')


def test_the_drawn_arm_moves_and_its_payload_is_seen(film):
    brush = painter('drawn', 240, 192)
    first, last = (film.tasks[0][1].poses[at] for at in (0, -1))
    pictures = [brush.paint(pose).astype(int) for pose in (first, last)]
    assert pictures[0].shape == (192, 240, 3)
    assert np.abs(pictures[0] - pictures[1]).sum() > 10_000
    red, green, blue = np.moveaxis(pictures[0], -1, 0)
    assert ((blue > red + 60) & (blue > green + 60)).sum() > 20


def test_nothing_is_drawn_of_a_task_that_did_not_happen():
    world = PickWorld('robot', 1)
    world.begin()
    pose = Pose(world.scene, (0.0, -1.0, 1.5), ())
    assert painter('drawn', 120, 96).paint(pose).shape == (96, 120, 3)


def test_a_renderer_that_is_not_there_says_what_to_do():
    # MuJoCo was imported for something else: it cannot be set up any more.
    with pytest.raises(RendererMissingError, match='use --renderer drawn'):
        choose('osmesa')


def test_without_a_request_some_renderer_is_found():
    assert choose('auto') in ('egl', 'osmesa', 'drawn')
