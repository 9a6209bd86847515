# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Readers of users' files: CSV, MCAP, folders with a case."""
