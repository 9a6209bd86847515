# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Faults of simulated robots (power, network, disk, clock), by command or by schedule."""
