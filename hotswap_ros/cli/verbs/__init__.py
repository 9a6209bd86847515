# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What each verb of `hotswap` does. They import what they need when they are called."""
