# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The simulated task: an arm in MuJoCo that carries payloads to their goals."""
