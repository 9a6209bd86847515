# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Pairing: the tasks of the candidate and the control that are compared with each other."""
