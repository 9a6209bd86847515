# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The last known good routing: served again after a stop, a crash or a power cut."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hotswap_ros.models import UnknownVersionError
from hotswap_ros.serving import Engine, EngineSettings, LoadFailedError, Routing, VersionState

BOTH = Routing('policy', 'v1', 'v2', 0.5, salt='r7', generation=7, lease_s=5.0)


@pytest.fixture
def boot(make_version: Any, clock: Any, tmp_path: Path) -> Any:
    """Return a maker of engines that share a state folder: each is another start of the robot."""
    for number in (1, 2, 3):
        make_version(f'v{number}', bias=number / 10)

    def make(wall_clock: Callable[[], float] = time.time) -> Engine:
        return Engine(
            make_version.repository,
            'policy',
            EngineSettings(resident_limit=3, state_folder=tmp_path / 'state'),
            clock=clock,
            wall_clock=wall_clock,
        )

    return make


def serve(engine: Engine, routing: Routing) -> Engine:
    for version in routing.versions:
        engine.load(version)
    engine.set_routing(routing)
    return engine


def tick(engine: Engine) -> bool:
    """Let time take effect, and wait until that is on the disk."""
    has_changed = engine.tick()
    for thread in threading.enumerate():
        if thread.name == 'last known good':
            thread.join(30)
    return has_changed


def prove(engine: Engine, clock: Any) -> None:
    clock.now += 300
    tick(engine)


def test_a_robot_that_never_served_has_nothing_to_restore(boot: Any) -> None:
    engine = boot()
    assert engine.restore() is None
    assert engine.routing == Routing('policy')


def test_without_a_folder_nothing_is_kept(make_version: Any, tmp_path: Path) -> None:
    make_version('v1')
    serve(Engine(make_version.repository, 'policy'), Routing('policy', 'v1')).close()
    assert Engine(make_version.repository, 'policy').restore() is None
    assert list(tmp_path.iterdir()) == [tmp_path / 'models']


@pytest.mark.parametrize('is_clean', [True, False])
def test_the_whole_routing_comes_back(boot: Any, observe: Any, is_clean: bool) -> None:
    engine = serve(boot(), BOTH)
    if is_clean:
        engine.close()
    again = boot()
    assert again.restore() == again.routing == BOTH
    assert again.infer(observe(), 'task').version in ('v1', 'v2')


def test_what_ended_serving_serves_nothing_after_a_restart(boot: Any) -> None:
    engine = serve(boot(), BOTH)
    engine.set_routing(Routing('policy', generation=BOTH.generation + 1))
    again = boot()
    assert again.restore() is None
    assert again.routing == Routing('policy')


def test_the_lease_begins_anew(boot: Any, clock: Any) -> None:
    serve(boot(), BOTH)
    clock.now += 100
    again = boot()
    again.restore()
    assert not tick(again)
    clock.now += 5
    assert tick(again)
    assert again.routing.candidate == ''


def test_what_time_took_out_stays_out(boot: Any, clock: Any) -> None:
    engine = serve(boot(), BOTH)
    clock.now += 5
    tick(engine)
    assert boot().restore() == BOTH.without('v2')


def test_a_candidate_that_crashed_the_process_twice_is_out(boot: Any) -> None:
    serve(boot(), BOTH)
    assert boot().restore() == BOTH
    again = boot()
    assert again.restore() == BOTH.without('v2')
    # Nobody is blamed any more, whatever ends the process now.
    for _ in range(3):
        assert boot().restore() == BOTH.without('v2')


def test_a_process_that_ended_as_asked_blames_nobody(boot: Any) -> None:
    serve(boot(), BOTH).close()
    for _ in range(4):
        engine = boot()
        assert engine.restore() == BOTH
        engine.close()


def test_who_closes_without_being_asked_leaves_what_a_crash_leaves(boot: Any) -> None:
    serve(boot(), BOTH).close(asked=False)
    again = boot()
    assert again.restore() == BOTH
    again.close(asked=False)
    assert boot().restore() == BOTH.without('v2')


def test_a_stable_version_on_probation_gives_way_to_the_proven_one(boot: Any, clock: Any) -> None:
    engine = serve(boot(), Routing('policy', 'v1', generation=1))
    prove(engine, clock)
    serve(engine, Routing('policy', 'v2', 'v3', 0.5, generation=2))
    assert boot().restore() == Routing('policy', 'v2', 'v3', 0.5, generation=2)
    assert boot().restore() == Routing('policy', 'v1', generation=2)


def test_without_a_proven_one_the_only_one_goes_on(boot: Any) -> None:
    serve(boot(), Routing('policy', 'v1', generation=1))
    for _ in range(4):
        assert boot().restore() == Routing('policy', 'v1', generation=1)


def test_a_proven_version_is_never_blamed(boot: Any, clock: Any) -> None:
    prove(serve(boot(), Routing('policy', 'v2', generation=1)), clock)
    for _ in range(4):
        assert boot().restore() == Routing('policy', 'v2', generation=1)


def test_a_missing_stable_version_gives_way_to_the_proven_one(
    boot: Any, clock: Any, make_version: Any
) -> None:
    engine = serve(boot(), Routing('policy', 'v1', generation=1))
    prove(engine, clock)
    serve(engine, Routing('policy', 'v2', generation=2)).close()
    (make_version.root / 'policy' / 'v2' / 'manifest.json').unlink()
    assert boot().restore() == Routing('policy', 'v1', generation=2)


def test_a_missing_candidate_is_left_out(boot: Any, make_version: Any) -> None:
    serve(boot(), BOTH).close()
    (make_version.root / 'policy' / 'v2' / 'manifest.json').unlink()
    assert boot().restore() == BOTH.without('v2')


def test_nothing_left_to_serve_is_an_error(boot: Any, make_version: Any) -> None:
    serve(boot(), Routing('policy', 'v1')).close()
    (make_version.root / 'policy' / 'v1' / 'manifest.json').unlink()
    with pytest.raises(UnknownVersionError):
        boot().restore()


@pytest.mark.parametrize(
    'content', [b'', b'{', b'[]', b'7', b'{"format": 2}', b'{"format": 1}', b'\xff\x00']
)
def test_a_damaged_file_is_as_none(
    boot: Any, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    serve(boot(), BOTH)
    (tmp_path / 'state' / 'policy.json').write_bytes(content)
    assert boot().restore() is None
    assert 'is not used' in caplog.text


def _is_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _never_ends(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _leads_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _is_huge(path: Path) -> None:
    os.truncate(path, 10**12)


def _is_deep(path: Path) -> None:
    path.write_text('[' * 500_000)


def _lies_in_no_folder(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text('')


@pytest.mark.parametrize(
    'spoil',
    [_is_a_folder, _never_ends, _leads_to_itself, _is_huge, _is_deep, _lies_in_no_folder],
)
def test_a_file_that_cannot_be_read_is_as_none_and_told(
    boot: Any, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    serve(boot(), BOTH).close()
    spoil(tmp_path / 'state' / 'policy.json')
    engine = boot()
    assert engine.restore() is None
    assert 'policy.json' in engine.state_problem
    serve(engine, Routing('policy', 'v1'))
    assert engine.routing.stable == 'v1'
    assert engine.state_problem
    engine.close()


def test_a_file_of_another_user_is_as_none(
    boot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(boot(), BOTH).close()
    real = os.open

    def refuse(path: Any, *args: Any, **kwargs: Any) -> int:
        if str(path).endswith('policy.json'):
            raise PermissionError(13, 'Permission denied', str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, 'open', refuse)
    engine = boot()
    assert engine.restore() is None
    assert 'Permission denied' in engine.state_problem
    serve(engine, replace(BOTH, generation=7))
    assert not engine.state_problem, 'a coordinator has said what to serve'


def test_a_disk_that_fails_stops_nothing(
    boot: Any, tmp_path: Path, observe: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / 'state').write_text('not a folder')
    engine = serve(boot(), BOTH)
    assert engine.infer(observe(), 'task').version in ('v1', 'v2')
    assert 'is not kept' in caplog.text
    engine.close()


_CRASH = """
import os, sys, json
from pathlib import Path
from hotswap_ros.models import ModelRepository
from hotswap_ros.serving import Engine, EngineSettings, Routing
root, state, number = sys.argv[1:]
engine = Engine(ModelRepository(root), 'policy', EngineSettings(state_folder=Path(state)))
if int(number) == 0:
    engine.load('v1')
    engine.load('v2')
    engine.set_routing(Routing('policy', 'v1', 'v2', 1.0, generation=3))
else:
    engine.restore()
print(json.dumps(engine.routing.versions), flush=True)
os.abort()
"""


def test_native_crashes_count(make_version: Any, tmp_path: Path) -> None:
    make_version('v1')
    make_version('v2')
    served = []
    for number in range(3):
        end = subprocess.run(
            [sys.executable, '-c', _CRASH, make_version.root, tmp_path / 'state', str(number)],
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
        )
        assert end.returncode == -signal.SIGABRT
        served.append(json.loads(end.stdout))
    assert served == [['v1', 'v2'], ['v1', 'v2'], ['v1']]


def later(at: float) -> Routing:
    return Routing('policy', 'v2', generation=8, activate_at=at)


def test_what_waited_for_its_time_waits_on(boot: Any) -> None:
    wall = [1e9]
    engine = serve(boot(wall_clock=lambda: wall[0]), BOTH)
    engine.set_routing(later(1e9 + 1000))
    again = boot(wall_clock=lambda: wall[0])
    assert again.restore() == BOTH
    assert again.pending == later(1e9 + 1000)
    wall[0] += 1000
    tick(again)
    assert (again.routing, again.pending) == (later(1e9 + 1000), None)


def test_what_came_due_meanwhile_is_served(boot: Any) -> None:
    wall = [1e9]
    serve(boot(wall_clock=lambda: wall[0]), BOTH).set_routing(later(1e9 + 1000))
    wall[0] += 2000
    assert boot(wall_clock=lambda: wall[0]).restore() == later(1e9 + 1000)


def test_nothing_waits_for_a_version_that_does_not_load(boot: Any, make_version: Any) -> None:
    engine = serve(boot(), Routing('policy', 'v1', generation=7))
    engine.load('v3')
    engine.set_routing(Routing('policy', 'v3', generation=8, activate_at=2e10))
    shutil.rmtree(make_version.root / 'policy' / 'v3')
    again = boot()
    assert again.restore() == Routing('policy', 'v1', generation=7)
    assert again.pending is None


def test_a_candidate_that_is_another_one_now_is_out(boot: Any, make_version: Any) -> None:
    serve(boot(), BOTH)
    make_version('v2', bias=0.9)
    again = boot()
    assert again.restore() == BOTH.without('v2')
    assert {info.version: info.state for info in again.versions()}['v2'] is VersionState.RELEASED


def test_a_stable_version_that_is_another_one_now_is_not_served(
    boot: Any, make_version: Any
) -> None:
    serve(boot(), Routing('policy', 'v1', generation=7))
    make_version('v1', bias=0.9)
    with pytest.raises(LoadFailedError, match=r'its manifest changed over the restart'):
        boot().restore()


def test_the_proven_version_serves_for_one_that_is_another_now(
    boot: Any, make_version: Any, clock: Any
) -> None:
    engine = serve(boot(), Routing('policy', 'v1', generation=7))
    prove(engine, clock)
    serve(engine, Routing('policy', 'v2', generation=8))
    make_version('v2', bias=0.9)
    assert boot().restore() == Routing('policy', 'v1', generation=8)
