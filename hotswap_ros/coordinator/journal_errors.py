# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Errors of the journal, each with the way out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

_REMEDY = (
    'check that the disk has room and that the file belongs to this user; until it can be written '
    'robots only get the commands of rollbacks'
)
#: What SQLite says of a file whose content is wrong; other errors are of the disk or of a lock.
#: They are ERROR, CORRUPT, CONSTRAINT, MISMATCH and NOTADB.
_DAMAGED = {1, 11, 19, 20, 26}
_MOST_CHARACTERS = 200

_P = ParamSpec('_P')
_T = TypeVar('_T')


class JournalError(Exception):
    """The journal cannot be read or written, or another coordinator holds it."""

    def __init__(self, path: Path, error: Exception | str, remedy: str = _REMEDY) -> None:
        super().__init__(f'journal {path}: {error}: {remedy}')


class JournalHeldError(JournalError):
    """Another coordinator uses the journal."""


class JournalDamagedError(JournalError):
    """The content of the journal is wrong; a person has to choose what takes its place."""

    def __init__(self, path: Path, why: Exception | str) -> None:
        super().__init__(
            path,
            f'it is damaged ({" ".join(str(why).split())[:_MOST_CHARACTERS]})',
            f"stop the coordinator, and move the file with '{path.name}-wal' and "
            f"'{path.name}-shm', where they are, into another folder; then copy a backup to its "
            'place, or start anew without one: robots keep the stable versions that they report, '
            'and candidates end with their lease',
        )


class _HasPath(Protocol):
    _path: Path


_S = TypeVar('_S', bound=_HasPath)


def error_of(path: Path, error: OSError | sqlite3.Error | UnicodeDecodeError) -> JournalError:
    """Return the error for a journal that could not be read or written."""
    if isinstance(error, UnicodeDecodeError):
        return JournalDamagedError(path, 'names in it are no text')
    code = getattr(error, 'sqlite_errorcode', None)
    is_text = code is None and 'decode' in str(error)
    if is_text or (code is not None and code & 0xFF in _DAMAGED):
        return JournalDamagedError(path, error)
    return JournalError(path, error)


def reads_rows(
    read: Callable[Concatenate[_S, _P], _T],
) -> Callable[Concatenate[_S, _P], _T]:
    """Let a method of the journal raise JournalDamagedError for rows that mean nothing."""

    @wraps(read)
    def checked(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return read(self, *args, **kwargs)
        except sqlite3.Error as error:
            raise error_of(self._path, error) from error
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            why = f'a row cannot be read, {type(error).__name__}'
            raise JournalDamagedError(self._path, why) from error

    return checked
