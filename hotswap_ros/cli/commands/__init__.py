# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names, options and help texts of the verbs; `verbs` has the implementations."""
