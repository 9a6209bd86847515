# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The worker: a process of its own for versions that are not trusted yet."""
