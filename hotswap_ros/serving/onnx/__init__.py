# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""ONNX Runtime: sessions, and where and how they run."""
