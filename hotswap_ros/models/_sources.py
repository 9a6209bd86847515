# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Where a robot fetches versions from: a folder that is mounted, or any file server."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from io import BufferedIOBase
from pathlib import Path
from typing import Protocol, cast

#: A server that says nothing for so long is not there.
_TIMEOUT_S = 10.0


class MissingError(Exception):
    """A source has no such file."""


class Source(Protocol):
    """Files by their path below a root. `str` of it names it for people."""

    def open(self, *path: str) -> BufferedIOBase:
        """Return a file to read. Raises MissingError, and OSError when it cannot be reached."""

    def versions(self, model_id: str) -> list[str]:
        """Return the folders of a model, none where a source cannot tell."""


class FolderSource:
    """A folder, such as a network drive."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def open(self, *path: str) -> BufferedIOBase:
        """Return a file to read."""
        try:
            return self._root.joinpath(*path).open('rb')
        except FileNotFoundError as error:
            raise MissingError from error

    def versions(self, model_id: str) -> list[str]:
        """Return the folders of a model."""
        try:
            return [path.name for path in (self._root / model_id).iterdir() if path.is_dir()]
        except OSError:  # a drive that is away has none
            return []


class HttpSource:
    """A file server, by the address of the folder that would be the root."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip('/')

    def __str__(self) -> str:
        return self._url

    def open(self, *path: str) -> BufferedIOBase:
        """Return a file to read."""
        url = '/'.join([self._url, *map(urllib.parse.quote, path)])
        try:
            return cast('BufferedIOBase', urllib.request.urlopen(url, timeout=_TIMEOUT_S))
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (404, 410):
                    raise MissingError from error
                raise

    def versions(self, model_id: str) -> list[str]:
        """Return none: a file server has no list that every server would give alike."""
        return []


def source_of(place: str) -> Source:
    """Return the source that a folder or an http(s) address stands for."""
    if is_url(place):
        return HttpSource(place)
    return FolderSource(Path(place))


def is_url(place: str) -> bool:
    """Return whether a place is an address of a file server rather than a folder."""
    return place.startswith(('http://', 'https://'))
