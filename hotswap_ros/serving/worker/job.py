# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The job of a worker: what it loads, within which limits, and the start of its process."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from hotswap_ros.limits import LOAD_BYTES_PER_S, WORKER_BYTES, WORKER_FILE_BYTES, WORKER_FILES
from hotswap_ros.models import Manifest
from hotswap_ros.serving.onnx.runtime import RuntimeSettings
from hotswap_ros.serving.worker.load_deadline import LOAD_DEADLINE_S

#: Steps of a load that end with news: the start, verifying, loading and warming.
_STEPS = 4

#: Variables of the environment that libraries need to be found, and devices to be used.
_KEPT = ('LD_LIBRARY_PATH',)
_KEPT_FOR_DEVICES = ('CUDA', 'HIP', 'NVIDIA', 'OPENVINO', 'ORT', 'ROCM', 'PATH', 'HOME')

#: Observations, each with its inputs by name.
Observations: TypeAlias = tuple[dict[str, NDArray[Any]], ...]


@dataclass(frozen=True)
class Job:
    """
    The job of a worker.

    `idle`: it loads and shadows in the lowest scheduling class. It may use `memory_bytes` (0: what
    any version may on the CPU), and `growth_bytes` more than when it was warm; 0: no limit. Each
    step of the load may take `deadline_s`, and the time that its file takes at LOAD_BYTES_PER_S.
    The version is tried on `recent` observations before it is ready.
    """

    root: Path
    manifest: Manifest
    settings: RuntimeSettings
    idle: bool = True
    memory_bytes: int = 0
    growth_bytes: int = 0
    deadline_s: float = LOAD_DEADLINE_S
    recent: Observations = ()

    @property
    def step_s(self) -> float:
        """Return how long each step of the load may take, in seconds."""
        return self.deadline_s + self.manifest.size_bytes / LOAD_BYTES_PER_S

    def limits(self) -> dict[str, int]:
        """Return the limits of the process, by the names of the entry; 0: no limit of memory."""
        size, settings = self.manifest.size_bytes, self.settings
        most = WORKER_BYTES + 4 * size
        memory = min(most, self.memory_bytes or most)
        if not settings.is_cpu_only:  # what drivers of other devices take is not known
            memory = self.memory_bytes
        return {
            'memory_bytes': memory,
            'address_bytes': 2 * memory + WORKER_BYTES if settings.is_cpu_only else 0,
            'file_bytes': size + WORKER_FILE_BYTES,
            'files': WORKER_FILES,
            'cpu_s': math.ceil(_STEPS * self.step_s) * settings.threads,
        }


def spawn(job: Job, fds: dict[str, int], recent: int) -> subprocess.Popen[bytes]:
    """
    Start the process of a worker, which gets these file descriptors. Raises OSError.

    The first samples of its memory hold `recent` observations.
    """
    given = {
        'parent': os.getpid(),
        'path': _path(),
        'fds': fds,
        'idle': job.idle,
        'limits': job.limits(),
        'recent': recent,
        'root': str(job.root.absolute()),
        'model_id': job.manifest.model,
        'version': job.manifest.version,
        'settings': asdict(job.settings),
    }
    # Not multiprocessing: its children run the main script again, and it starts another process
    # for named memory, which is not used here.
    return subprocess.Popen(
        # Without variables and start-up files of Python: the path says where everything is.
        [
            sys.executable,
            *('-I', '-S', '-B'),
            str(Path(__file__).with_name('entry.py')),
            json.dumps(given),
        ],
        pass_fds=tuple(fds.values()),
        stdin=subprocess.DEVNULL,
        env=_environment(job.settings),
        # Ctrl-C in a terminal ends a whole group: the worker must not end before its engine.
        start_new_session=True,
    )


def _environment(settings: RuntimeSettings) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or (not settings.is_cpu_only and name.startswith(_KEPT_FOR_DEVICES))
    }
    # NumPy's threads would cost memory and do nothing: the runtime has its own.
    return {**kept, 'OPENBLAS_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1'}


def _path() -> list[str]:
    """Return where Python finds modules, with the place of this package."""
    return list(dict.fromkeys([*sys.path, str(Path(__file__).parents[3])]))
