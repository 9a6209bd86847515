# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rooms import their public names at their first use."""

import importlib
import importlib.util
import subprocess
import sys

import pytest

ROOMS = ('models', 'plan', 'gates', 'fleet', 'rollout', 'coordinator')


@pytest.mark.parametrize('room', ROOMS)
def test_every_public_name_of_a_room_can_be_imported(room):
    module = importlib.import_module(f'hotswap_ros.{room}')
    assert module.__all__
    for name in module.__all__:
        # Equal to a module of the room, it would depend on the order of imports.
        assert importlib.util.find_spec(f'hotswap_ros.{room}.{name}') is None
        assert getattr(module, name) is getattr(module, name)


@pytest.mark.parametrize('room', ROOMS)
def test_an_unknown_name_is_an_attribute_error(room):
    module = importlib.import_module(f'hotswap_ros.{room}')
    with pytest.raises(AttributeError, match='nothing_of_this_name'):
        module.nothing_of_this_name  # noqa: B018


def test_a_room_alone_loads_nothing_but_its_list_of_names():
    program = 'import sys, hotswap_ros.gates; print(*(m for m in sys.modules if "hotswap" in m))'
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert set(done.stdout.split()) == {'hotswap_ros', 'hotswap_ros.gates', 'hotswap_ros.lazy'}
