# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Translation between messages and the plain values of the other rooms.

Import from its modules: a robot needs `common` and `robot` only, and not the coordinator's rooms.
"""
