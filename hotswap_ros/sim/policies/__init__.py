# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Policies of the simulated task: training, export and measurement, good and bad ones."""
