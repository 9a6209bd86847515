# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Preview of a plan: its steps, facts and forecast for the fleet of this moment."""
