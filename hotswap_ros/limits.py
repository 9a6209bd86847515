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

#: Characters of the text that marks copies of a command; a UUID has 36.
NONCE_CHARACTERS: Final = 64

#: Commands of a rollout that are remembered, to tell a copy of one. People give a dozen.
NONCES: Final = 100

#: Bytes of one status or telemetry message: 100 versions with their reasons, 1,000 categories.
MESSAGE_BYTES: Final = 1_000_000

#: Characters of a name (robot, server, region, version) and of a sentence in a message.
NAME_CHARACTERS: Final = 200
SENTENCE_CHARACTERS: Final = 500

#: Characters of a person's remark, for the record.
REMARK_CHARACTERS: Final = 1_000

#: Versions and labels in one message, and models of a fleet: robots keep a dozen, run a few.
VERSIONS: Final = 200
LABELS: Final = 100
MODELS: Final = 100

#: Messages of one robot that may wait at once: its status, and telemetry of a few models.
KINDS_OF_A_SENDER: Final = 4

#: Seconds without a status until a robot gives its place up, where there is none for a new one.
QUIET_S: Final = 60.0

#: Seconds without a status until a robot is forgotten, with the clients of its services: a week.
FORGET_AFTER_S: Final = 604_800.0

#: Other coordinators that are told of. One process starts a few in its life.
COORDINATORS: Final = 100

#: A manifest with statistics of 1,000 features is 150 kB.
MANIFEST_BYTES: Final = 1_000_000

#: A model file. ONNX is written with protobuf, which ends at 2 GiB.
MODEL_BYTES: Final = 2**31

#: The file with golden samples of a version: 16 samples of two colour images are 75 MB.
GOLDEN_BYTES: Final = 100_000_000

#: A file with observations of a policy, for the import of a version or for a try.
SAMPLES_BYTES: Final = 2_000_000_000

#: A file of statistics of a training set.
STATISTICS_BYTES: Final = 20_000_000

#: Inputs, and outputs, of one version.
TENSORS: Final = 64

#: Dimensions of a tensor, and its elements: a colour image of 1920 × 1080 has 6.2 million.
DIMENSIONS: Final = 8
ELEMENTS: Final = 10_000_000

#: Numbers of a recurrent state that a manifest gives one by one, and observations of a history.
STATE_NUMBERS: Final = 16_384
HISTORY_OBSERVATIONS: Final = 1_000

#: Steps of a chunk, and the seconds between two of them.
CHUNK_STEPS: Final = 10_000
CHUNK_STEP_S: Final = 60.0

#: Memory of a worker in bytes, besides its model file four times: interpreter, runtime and what a
#: run needs. A larger version needs a robot with a memory budget, which is the limit then.
WORKER_BYTES: Final = 2_000_000_000

#: Bytes that a worker may write into one file, besides its copy of the model: that is its log,
#: which other processes write to as well.
WORKER_FILE_BYTES: Final = 1_000_000_000

#: Files that a worker may have open; it needs about 20.
WORKER_FILES: Final = 128

#: Bytes that a worker may say of the progress of a load; the manifest is the largest part.
NEWS_BYTES: Final = 4_000_000

#: Slowest disk and processor that a load still gets through with, in bytes of the file a second.
LOAD_BYTES_PER_S: Final = 20_000_000

#: Slowest download, in bytes a second: a server that is slower would keep a version FETCHING for
#: days.
DOWNLOAD_BYTES_PER_S: Final = 10_000

#: Characters of a text for people in a manifest.
DESCRIPTION_CHARACTERS: Final = 4_000

#: Milliseconds of a deadline. A decision that takes longer than a minute controls no robot.
DEADLINE_MS: Final = 60_000.0

#: The file with the routing in force: a few versions with their digests.
STATE_BYTES: Final = 1_000_000

#: Seconds of one task: a day. A longer one is a mistake in the unit.
TASK_SECONDS: Final = 86_400.0

#: Interventions in one task. Whoever helps more often does the task.
INTERVENTIONS: Final = 1_000

#: Bytes that a recording may unpack to: this many, and so many for each of its bytes on the disk.
#: Telemetry packs to a twentieth, text that repeats to a hundredth.
UNPACKED_BYTES: Final = 16_000_000
UNPACKED_RATIO: Final = 1_000

#: Bytes of one record of a recording: a picture of 33 million points in colour.
RECORD_BYTES: Final = 100_000_000

#: Bytes of one message of the fleet in a recording: a comparison with a million numbers.
RECORDED_BYTES: Final = 4_000_000

#: Backups of a journal that are kept: the endings of their names have three digits.
MOST_BACKUPS: Final = 999
