# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Limits on what comes from outside, each with its reason; every reader takes them from here.

Whoever reads checks the limit before anything is built from the input.
"""

from __future__ import annotations

from typing import Final

#: A plan of 100 stages with all keys is 40 kB; the robots of a large fleet by name are 200 kB.
PLAN_BYTES: Final = 256_000

#: A schedule of faults, a scenario or a table of lab results: written by hand, or by a script.
TEXT_FILE_BYTES: Final = 1_000_000

#: Levels of lists and mappings. The deepest plan, phases with stages and a checklist, has seven.
TEXT_DEPTH: Final = 20

#: Stages, phases, regions or entries of a schedule in one plan. Each becomes several steps.
STAGES: Final = 100

#: Characters of one sentence about what is wrong; more of it is somebody's input, not our words.
PROBLEM_CHARACTERS: Final = 500

#: Sentences about one input. Who has more than this to mend starts with these.
PROBLEMS: Final = 20
