# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Which tasks of the candidate are compared with which tasks of the control."""
