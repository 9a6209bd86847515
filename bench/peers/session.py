# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What every server that is compared runs: the same session, on the same observation."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort


def session_of(path: str) -> ort.InferenceSession:
    """Return a session with one thread: what is measured is what stands around it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=['CPUExecutionProvider'])


def observation_of(shape: tuple[int, ...]) -> np.ndarray:
    """Return the observation that all of them get."""
    return np.random.default_rng(1).random(shape, np.float32)
