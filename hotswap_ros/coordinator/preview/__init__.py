# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What a plan would do to the fleet of this moment, before it starts."""
