# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Names, options and help of the verbs; the work is done in `verbs`."""
