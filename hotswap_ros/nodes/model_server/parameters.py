# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Parameters of model_server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hotswap_ros.models import CachedRepository, ModelRepository, is_url, shared, source_of
from hotswap_ros.nodes.parameters import parameter
from hotswap_ros.serving import (
    BREAKER_LIMIT,
    LOAD_DEADLINE_S,
    EngineSettings,
    Isolation,
    RuntimeSettings,
)


@dataclass(frozen=True)
class ModelServerParameters:
    """Parameters of a model server."""

    robot_id: str = parameter(
        '',
        'Name of the robot in the fleet; empty: the host name, which is new with each container '
        'that gives no name of its own.',
    )
    region: str = parameter('', 'Region of the robot: rollouts can go region by region.')
    labels: tuple[str, ...] = parameter((), 'Labels of the robot, as "key=value".')
    model_id: str = parameter('', 'The model (named policy) that is served; must be given.')
    model_repository: str = parameter(
        '',
        'Folder, or http(s) address of a file server, that holds <model>/<version>/manifest.json '
        'and the model files; empty: the one that comes with the package.',
    )
    cache_folder: str = parameter(
        '',
        'Folder of this robot that versions are copied to before they are loaded, so that it '
        'starts without the repository; empty: none. Must be given for an address.',
    )
    cache_quota_mb: int = parameter(
        0,
        'Disk that the cache may take in MB: what was not used for longest goes first. 0: no '
        'limit.',
        low=0,
        high=10_000_000,
    )
    stable_version: str = parameter('', 'Version to serve after the start; empty: none.')
    fleet_namespace: str = parameter('/fleet', 'Namespace of the topics that the fleet shares.')
    resident_limit: int = parameter(2, 'How many versions may be loaded at once.', low=1, high=16)
    memory_budget_mb: int = parameter(
        0,
        'Memory for versions in MB; a load that would not fit is refused. 0: no limit.',
        low=0,
        high=1_000_000,
    )
    worker_growth_mb: int = parameter(
        100,
        'Memory in MB by which a worker may grow once its version is warm; beyond, it is ended. '
        '0: no limit.',
        low=0,
        high=1_000_000,
    )
    load_deadline_s: float = parameter(
        LOAD_DEADLINE_S,
        'Seconds that each step of a load in a worker may take (start, verification, load, '
        'warm-up), and what the file takes at 20 MB a second.',
        low=1.0,
        high=3600.0,
    )
    isolation: str = parameter(
        Isolation.WORKER.value,
        '"worker": versions that are not yet trusted run in a process of their own; "in_process": '
        'all versions run in the process of the node.',
    )
    breaker_limit: int = parameter(
        BREAKER_LIMIT,
        'Failures in a row after which a candidate is dropped. 0: never.',
        low=0,
        high=1_000_000,
    )
    state_folder: str = parameter(
        '', 'Folder that keeps the routing in force over restarts; empty: it is not kept.'
    )
    task_timeout_s: float = parameter(
        60.0,
        'Seconds after its last inference until a task that never ended counts as failed.',
        low=0.1,
        high=86400.0,
    )
    status_period_s: float = parameter(1.0, 'Seconds between two heartbeats.', low=0.1, high=60.0)
    telemetry_period_s: float = parameter(
        1.0, 'Seconds between two telemetry messages.', low=0.1, high=60.0
    )
    execution_providers: tuple[str, ...] = parameter(
        ('cpu',),
        'ONNX Runtime execution providers, best first, such as "tensorrt", "cuda", "openvino" or '
        '"cpu"; versions run on the first ones that work, and ~/list_models says on which.',
    )
    inference_threads: int = parameter(
        1,
        'Threads of one version for one inference; more than one pays off for large models only.',
        low=1,
        high=256,
    )
    inference_spinning: bool = parameter(
        False, 'Wait for the next inference at full load: quicker by microseconds, costs a core.'
    )
    memory_arena: bool = parameter(True, 'Keep the memory of one inference for the next one.')
    autostart: bool = parameter(True, 'Configure and activate the node by itself at the start.')

    def repository(self) -> ModelRepository:
        """Return where versions come from."""
        place = self.model_repository or str(shared('models'))
        if not self.cache_folder:
            return ModelRepository(place)
        quota_bytes = self.cache_quota_mb * 1_000_000 or None
        return CachedRepository(self.cache_folder, source_of(place), quota_bytes)

    def engine_settings(self) -> EngineSettings:
        """Return the settings of the engine. Raises ValueError that names the parameter."""
        return EngineSettings(
            resident_limit=self.resident_limit,
            memory_budget_bytes=self.memory_budget_mb * 1_000_000 or None,
            task_timeout_s=self.task_timeout_s,
            breaker_limit=self.breaker_limit,
            isolation=self._isolation(),
            worker_growth_bytes=self.worker_growth_mb * 1_000_000,
            load_deadline_s=self.load_deadline_s,
            runtime=self._runtime(),
            state_folder=self.state_folder or None,
        )

    def _isolation(self) -> Isolation:
        try:
            return Isolation(self.isolation)
        except ValueError:
            choices = ' or '.join(f"'{choice.value}'" for choice in Isolation)
            text = f"parameter 'isolation' is '{self.isolation}': use {choices}"
            raise ValueError(text) from None

    def _runtime(self) -> RuntimeSettings:
        try:
            return RuntimeSettings(
                self.execution_providers,
                self.inference_threads,
                self.inference_spinning,
                self.memory_arena,
            )
        except ValueError as error:
            raise ValueError(f"parameter 'execution_providers': {error}") from error

    def require_sound(self) -> None:
        """Raise ValueError for faults that ROS cannot find; names parameter and remedy."""
        if not self.model_id:
            raise ValueError(
                "parameter 'model_id' is empty: name the model that this robot serves"
            )
        self.engine_settings()
        place = self.model_repository
        if is_url(place) and not self.cache_folder:
            raise ValueError(
                "parameter 'cache_folder' is empty, but 'model_repository' is a server: name a "
                'folder of this robot to copy versions to'
            )
        try:
            source_of(place)
        except ValueError as error:
            raise ValueError(f"parameter 'model_repository': {error}") from error
        # A drive that is not mounted must not keep a robot with a cache from its start.
        if place and not self.cache_folder and not Path(place).is_dir():
            raise ValueError(
                f"parameter 'model_repository' is '{place}', which is not a folder: "
                'create it or give another one'
            )
