# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Errors of analyses and diagnoses."""


class AnalysisError(Exception):
    """The data cannot be analysed; the text has the reason and the remedy."""
