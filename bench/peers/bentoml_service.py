# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""A service for BentoML, as its documentation shows it."""

import os

import bentoml
import numpy as np
from session import session_of


@bentoml.service(workers=1, metrics={'enabled': False}, logging={'access': {'enabled': False}})
class Policy:
    """The session of the model file that the environment names."""

    def __init__(self) -> None:
        self.session = session_of(os.environ['BENCH_MODEL'])

    @bentoml.api
    def infer(self, observation: np.ndarray) -> np.ndarray:
        """Answer one observation."""
        return self.session.run(None, {'observation': observation.astype(np.float32)})[0]
