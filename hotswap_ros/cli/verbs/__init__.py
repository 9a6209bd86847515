# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Implementations of the verbs of `hotswap`, imported when a verb is called."""
