# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The policies of the simulated task: how they are made, good ones and bad ones."""
