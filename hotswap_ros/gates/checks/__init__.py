# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The checks of a gate, one module for each kind of success criterion."""
