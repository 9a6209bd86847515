# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Statistics that know nothing of robots: evidence, intervals, tests, drift."""
