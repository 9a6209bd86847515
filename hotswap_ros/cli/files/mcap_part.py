# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""One file of a recording in MCAP, from front to back: a crashed robot leaves no index."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from mcap.exceptions import EndOfFile
from mcap.records import Channel, Chunk, McapRecord, Schema
from mcap.records import Message as McapMessage
from mcap.stream_reader import StreamReader

from hotswap_ros.cli.files.messages import DamagedError, Message
from hotswap_ros.cli.files.unpacking import Allowance, Unpacked, is_known
from hotswap_ros.gates.analysis import AnalysisError


def read_mcap(
    part: Path, stream: IO[bytes], allowance: Allowance, wanted: Callable[[str], bool]
) -> Iterator[Message]:
    """
    Yield the messages of wanted types. Raises AnalysisError, OSError and DamagedError.

    Chunks are unpacked record by record: a small file with a huge chunk costs no memory.
    """
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    began = False
    try:
        for record in _records(part, stream, allowance):
            if isinstance(record, Schema):
                schemas[record.id] = record
            elif isinstance(record, Channel):
                channels[record.id] = record
            elif isinstance(record, McapMessage):
                began = True
                channel = channels.get(record.channel_id)
                if channel is None:
                    raise DamagedError
                schema = schemas.get(channel.schema_id)
                if schema is not None and wanted(schema.name):
                    yield Message(schema, channel.message_encoding, record.data)
    except DamagedError as error:
        error.began = began
        raise


def _records(part: Path, stream: IO[bytes], allowance: Allowance) -> Iterator[McapRecord]:
    plain: Any = Unpacked(stream, '', allowance)
    for record in _checked(StreamReader(plain, emit_chunks=True)):
        if isinstance(record, Chunk):
            yield from _of_chunk(part, record, allowance)
        else:
            yield record


def _of_chunk(part: Path, chunk: Chunk, allowance: Allowance) -> Iterator[McapRecord]:
    if not is_known(chunk.compression):
        raise AnalysisError(
            f'{part.name} has chunks with a compression that is not understood '
            f"('{chunk.compression[:20]}'): mcap decompress {part} -o {part.stem}_plain.mcap"
        )
    unpacked: Any = Unpacked(io.BytesIO(chunk.data), chunk.compression, allowance)
    try:
        yield from _checked(StreamReader(unpacked, skip_magic=True))
    except _EndError:
        if unpacked.count != chunk.uncompressed_size:
            raise DamagedError from None


class _EndError(DamagedError):
    """The data end: those of a chunk do so, a file has a footer."""


def _checked(reader: StreamReader) -> Iterator[McapRecord]:
    """Yield the records of a reader. Raises AnalysisError, OSError and DamagedError."""
    records = reader.records
    while True:
        try:
            record = next(records, None)
        except EndOfFile as error:
            raise _EndError from error
        except (AnalysisError, OSError):
            raise
        except Exception as error:  # the parser and two decompressors raise their own errors
            raise DamagedError from error
        if record is None:
            return
        yield record
