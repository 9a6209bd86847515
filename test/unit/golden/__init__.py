# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""
Sentences that people read, by room, rendered from fixed values.

A module of this folder is a room: its function `sentences()` yields pairs of a key and a sentence,
in a fixed order and without anything that depends on the machine or on time. A key is unique in
its room. `sentences.txt` holds what all rooms yield; after a better wording, rewrite it with

    python -m pytest test/unit/test_sentences.py --update-golden
"""
