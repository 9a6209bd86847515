# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Evidence of a rollout: what the gate gets, counts of a trial, the winner, the diagnosis."""
