# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The deployment checklist: its items, the facts, and what each item finds in them."""
