# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Views of the command line: live view, reports, web pages, plots."""
