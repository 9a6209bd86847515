# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Sources of versions: a folder, such as a network drive, or a file server."""

from __future__ import annotations

import base64
import http.client
import io
import math
import netrc
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, Protocol, cast

from hotswap_ros.models.download_deadline import Counted, Deadline
from hotswap_ros.models.verified import open_regular

#: A server that is silent for this time is unreachable.
_TIMEOUT_S: Final = 10.0

#: `user:password` for file servers, where neither the address nor ~/.netrc has them.
CREDENTIALS: Final = 'HOTSWAP_REPOSITORY_CREDENTIALS'


class MissingError(Exception):
    """A source has no such file."""


class Source(Protocol):
    """A source of files, by their path below a root. `str(source)` is its name for people."""

    def open(
        self, *path: str, within_s: float, quiet_s: float = math.inf, offset: int = 0
    ) -> AbstractContextManager[IO[bytes]]:
        """
        Open a file to read from `offset` (bytes) on; a server has `within_s` (seconds) for it.

        A server that sends less than DOWNLOAD_BYTES_PER_S for `quiet_s` is given up before.
        Raises MissingError, and OSError or http.client.HTTPException when it cannot be read.
        """

    def versions(self, model_id: str) -> list[str]:
        """Return the folders of a model, none where a source cannot tell."""


class FolderSource:
    """A folder, such as a network drive."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    @contextmanager
    def open(
        self, *path: str, within_s: float, quiet_s: float = math.inf, offset: int = 0
    ) -> Iterator[IO[bytes]]:
        """Open a regular file to read; nothing ends a drive that hangs."""
        try:
            file = open_regular(self._root.joinpath(*path))
        except FileNotFoundError as error:
            raise MissingError from error
        with file:
            file.seek(offset)
            yield file

    def versions(self, model_id: str) -> list[str]:
        """Return the folders of a model."""
        try:
            return [path.name for path in (self._root / model_id).iterdir() if path.is_dir()]
        except OSError:  # an unreachable drive has none
            return []


class HttpSource:
    """
    A file server, by the address of the root folder.

    User and password come from the address, from the environment variable CREDENTIALS or from
    ~/.netrc, and are in no text for people. Raises ValueError for an address without a host, or
    with more than a folder.
    """

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url.rstrip('/'))
        _refuse_split_password(parts)
        if not parts.hostname or (parts.port is not None and parts.port == 0):
            raise ValueError('the address names no host: write http://host/folder')
        if parts.query or parts.fragment:
            raise ValueError("the address goes on after its folder: write it without '?' and '#'")
        place = parts.netloc.rpartition('@')[2]
        self._url = urllib.parse.urlunsplit((parts.scheme, place, parts.path, '', ''))
        self._host = parts.hostname
        self._given = None
        if parts.username is not None:
            user, password = parts.username, parts.password or ''
            self._given = f'{urllib.parse.unquote(user)}:{urllib.parse.unquote(password)}'

    def __str__(self) -> str:
        return self._url

    @contextmanager
    def open(
        self, *path: str, within_s: float, quiet_s: float = math.inf, offset: int = 0
    ) -> Iterator[IO[bytes]]:
        """Open a file to read."""
        request = urllib.request.Request('/'.join([self._url, *map(urllib.parse.quote, path)]))
        if offset:
            request.add_header('Range', f'bytes={offset}-')
        credentials = self._given or os.environ.get(CREDENTIALS) or _from_netrc(self._host)
        if credentials:
            code = base64.b64encode(credentials.encode()).decode()
            request.add_unredirected_header('Authorization', f'Basic {code}')
        with (
            Deadline(within_s, quiet_s) as deadline,
            deadline.explained(),
            _answer(request, deadline, offset) as response,
        ):
            yield response

    def versions(self, model_id: str) -> list[str]:
        """Return none: file servers have no common way to list a folder."""
        return []


def _refuse_split_password(parts: urllib.parse.SplitResult) -> None:
    """
    Raise ValueError where a password ends the host: the rest of it would be shown as the folder.

    The error has no part of the address.
    """
    try:
        is_port = parts.port is None or parts.port >= 0
    except ValueError:
        is_port = False
    if not is_port or '@' in parts.path + parts.query + parts.fragment:
        raise ValueError(
            "the address has no host and port before its folder: write '/', '?', '#' and '@' of a "
            "password, and '@' of a folder, as %2F, %3F, %23 and %40"
        ) from None


def source_of(place: str) -> Source:
    """Return the source that a folder or an http(s) address stands for."""
    if is_url(place):
        return HttpSource(place)
    return FolderSource(Path(place))


def is_url(place: str) -> bool:
    """Return whether a place is an address of a file server rather than a folder."""
    return place.startswith(('http://', 'https://'))


def _from_netrc(host: str) -> str | None:
    try:
        found = netrc.netrc(os.environ.get('NETRC')).authenticators(host)
    except FileNotFoundError:
        return None
    except netrc.NetrcParseError as error:
        raise OSError(f'{error.filename} cannot be read: {error.msg}') from error
    return f'{found[0]}:{found[2]}' if found else None


@contextmanager
def _answer(
    request: urllib.request.Request, deadline: Deadline, offset: int
) -> Iterator[IO[bytes]]:
    opener = urllib.request.build_opener(_Handler(deadline), _RedirectHandler())
    try:
        response = opener.open(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        with error:
            if error.code in (404, 410):
                raise MissingError from error
            if error.code == 416 and offset:  # the file ends before the offset
                yield io.BytesIO()
                return
            raise
    with response:
        counted = cast('IO[bytes]', Counted(response, deadline))
        if offset and response.status != 206:  # the server sends the whole file
            _skip(counted, offset)
        yield counted


def _skip(file: IO[bytes], size: int) -> None:
    while size and (chunk := file.read(min(size, 1 << 20))):
        size -= len(chunk)


class _HttpConnection(http.client.HTTPConnection):
    def __init__(self, *given: Any, deadline: Deadline, **more: Any) -> None:
        super().__init__(*given, **more)
        self._deadline = deadline

    def connect(self) -> None:
        super().connect()
        self._deadline.watch(self.sock)


class _HttpsConnection(_HttpConnection, http.client.HTTPSConnection):
    """The same with TLS."""


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Opens connections that a deadline watches."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_HttpConnection, deadline=self._deadline), request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_HttpsConnection, deadline=self._deadline), request)


class _RedirectHandler(urllib.request.HTTPRedirectHandler):
    """Follows a server only to itself: elsewhere nobody has checked who answers."""

    def redirect_request(
        self,
        request: urllib.request.Request,
        answer: IO[bytes],
        code: int,
        message: str,
        headers: http.client.HTTPMessage,
        url: str,
    ) -> urllib.request.Request | None:
        before, after = (urllib.parse.urlsplit(place) for place in (request.full_url, url))
        if (before.scheme, before.netloc) != (after.scheme, after.netloc):
            place = f'{after.scheme}://{after.hostname}'
            raise OSError(f'it redirects to {place}: name that server as the repository')
        return super().redirect_request(request, answer, code, message, headers, url)
