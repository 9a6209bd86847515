# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The session and the observation that every compared server uses."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort


def session_of(path: str) -> ort.InferenceSession:
    """Return a session with one thread: the benchmark measures the server around it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=['CPUExecutionProvider'])


def observation_of(shape: tuple[int, ...]) -> np.ndarray:
    """Return the observation that all of them receive."""
    return np.random.default_rng(1).random(shape, np.float32)
