# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Rollbacks: those that a person orders, and what follows every rollback."""
