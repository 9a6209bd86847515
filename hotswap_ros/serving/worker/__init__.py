# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The worker: a process of its own for a version that is not trusted yet."""
