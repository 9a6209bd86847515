# Copyright 2026 The hotswap_ros authors
# SPDX-License-Identifier: Apache-2.0

"""File servers that are slow, endless, wrong or somebody else, and credentials for good ones."""

import base64
import contextlib
import http.server
import itertools
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hotswap_ros.models import CachedRepository, FetchFailedError, ModelError, source_of

PATIENCE_S = 0.5


def pieces(*head: bytes, forever: bytes = b'') -> Iterator[bytes]:
    """Yield what a server sends: some pieces, and one again and again."""
    yield from head
    while forever:
        yield forever


OK = b'HTTP/1.1 200 OK\r\n'
CHUNKED = OK + b'Transfer-Encoding: chunked\r\n\r\n'
EVIL = {
    'silent': pieces,
    'a status a byte at a time': lambda: (b'HTTP'[n % 4 : n % 4 + 1] for n in itertools.count()),
    'continue without end': lambda: pieces(forever=b'HTTP/1.1 100 Continue\r\n\r\n'),
    'headers without end': lambda: pieces(OK, forever=b'X-More: yes\r\n'),
    'a header without end': lambda: pieces(OK, b'X-More: ', forever=b'x' * 1000),
    'a manifest without end': lambda: pieces(OK + b'\r\n{', forever=b' ' * 100_000),
    'a manifest a byte at a time': lambda: pieces(OK + b'\r\n', forever=b' '),
    'chunks a byte at a time': lambda: pieces(CHUNKED, forever=b'1\r\n \r\n'),
    'trailers without end': lambda: pieces(CHUNKED, b'0\r\n', forever=b'X-More: yes\r\n'),
    'a chunk of no size': lambda: pieces(CHUNKED, b'-5\r\nxx\r\n'),
    'a length that is no number': lambda: pieces(OK + b'Content-Length: x\r\n\r\n', b'{'),
    'no HTTP': lambda: pieces(b'SSH-2.0-OpenSSH_9.2\r\n', forever=b'\0' * 1000),
    'nothing but an end': lambda: pieces(b'\r\n'),
    'an error': lambda: pieces(b'HTTP/1.1 500 No\r\n\r\n'),
    'redirects without end': lambda: pieces(b'HTTP/1.1 302 Go\r\nLocation: /x\r\n\r\n'),
    'a redirect to a file': lambda: pieces(
        b'HTTP/1.1 302 Go\r\nLocation: file:///etc/passwd\r\n\r\n'
    ),
    'a redirect to another host': lambda: pieces(
        b'HTTP/1.1 302 Go\r\nLocation: http://localhost:1/x\r\n\r\n'
    ),
}


class _Talking(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        """Read the request, then send what the server has to say, slowly."""
        server: Any = self.server
        self.request.recv(65_536)
        with contextlib.suppress(OSError):
            for piece in server.says():
                self.request.sendall(piece)
                if server.stopping.wait(0.002):
                    return
            # A silent server stays silent until the client goes.
            self.request.settimeout(30)
            if server.holds:
                self.request.recv(1)


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Return a function that starts a server and returns its address."""
    servers: list[Any] = []

    def start(server: Any) -> str:
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        host, port = server.server_address[:2]
        return f'http://{host}:{port}'

    yield start
    for server in servers:
        if hasattr(server, 'stopping'):
            server.stopping.set()
        server.shutdown()
        server.server_close()


def talking(says: Callable[[], Iterator[bytes]], holds: bool = False) -> Any:
    server: Any = socketserver.ThreadingTCPServer(('127.0.0.1', 0), _Talking)
    server.daemon_threads = True
    server.says, server.holds, server.stopping = says, holds, threading.Event()
    return server


@pytest.mark.parametrize('kind', EVIL)
def test_a_fetch_from_an_evil_server_ends_and_leaves_nothing(
    serve: Any, tmp_path: Path, kind: str
) -> None:
    address = serve(talking(EVIL[kind], holds=kind == 'silent'))
    cache = CachedRepository(tmp_path / 'cache', source_of(address), patience_s=PATIENCE_S)
    with pytest.raises(ModelError) as caught:
        cache.fetch('policy', 'v1')
    assert len(str(caught.value)) < 1000
    assert not [path for path in (tmp_path / 'cache').rglob('*') if path.is_file()]


def test_a_model_a_byte_at_a_time_is_given_up_long_before_its_last_byte(
    serve: Any, make_version: Any, tmp_path: Path
) -> None:
    folder = make_version('v1', size_bytes=10_000_000)  # which may take 1000 s
    manifest = (folder / 'manifest.json').read_bytes()
    asked = itertools.count()

    def says() -> Iterator[bytes]:
        if next(asked):
            return pieces(OK + b'\r\n', forever=b'x')
        return iter([OK + b'\r\n' + manifest])

    cache = CachedRepository(
        tmp_path / 'cache', source_of(serve(talking(says))), patience_s=PATIENCE_S
    )
    with pytest.raises(FetchFailedError, match='bytes in'):
        cache.fetch('policy', 'v1')
    assert not [path for path in (tmp_path / 'cache').rglob('*') if path.is_file()]


class _Files(http.server.BaseHTTPRequestHandler):
    """A file server as robots have them: with ranges, and a connection that breaks."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        server: Any = self.server
        server.requests.append(dict(self.headers))
        if server.login and self.headers['Authorization'] != server.login:
            self.send_error(401)
            return
        data = (server.root / self.path.lstrip('/')).read_bytes()
        first = 0
        wanted = self.headers['Range']
        if wanted and server.has_ranges:
            first = int(wanted.removeprefix('bytes=').rstrip('-'))
        self.send_response(206 if first else 200)
        self.send_header('Content-Length', str(len(data) - first))
        self.end_headers()
        rest = data[first:]
        if self.path.endswith('.onnx') and len(server.requests) <= server.breaks:
            rest = rest[: max(1, len(rest) // 2)]
        self.wfile.write(rest)
        self.close_connection = True


def files(root: Path, *, breaks: int = 0, has_ranges: bool = True, login: str = '') -> Any:
    server: Any = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Files)
    server.root, server.breaks, server.has_ranges = root, breaks, has_ranges
    server.requests, server.login = [], login
    return server


@pytest.mark.parametrize(
    ('has_ranges', 'wanted'),
    [(True, ['bytes=50000-', 'bytes=75000-', 'bytes=87500-']), (False, ['bytes=50000-'])],
)
def test_a_download_goes_on_where_the_connection_broke(
    serve: Any, make_version: Any, tmp_path: Path, has_ranges: bool, wanted: list[str]
) -> None:
    folder = make_version('v1', size_bytes=100_000)
    server = files(make_version.root, breaks=1 + len(wanted), has_ranges=has_ranges)
    cache = CachedRepository(tmp_path / 'cache', source_of(serve(server)))
    cache.fetch('policy', 'v1')
    assert cache.verify('policy', 'v1').content == (folder / 'model.onnx').read_bytes()
    assert [headers['Range'] for headers in server.requests if 'Range' in headers] == wanted


def test_a_server_that_never_gets_on_is_given_up(
    serve: Any, make_version: Any, tmp_path: Path
) -> None:
    make_version('v1', size_bytes=100_000)
    server = files(make_version.root, breaks=1000)
    cache = CachedRepository(tmp_path / 'cache', source_of(serve(server)))
    with pytest.raises(FetchFailedError, match=r'model\.onnx'):
        cache.fetch('policy', 'v1')
    assert len(server.requests) < 20


def login(text: str) -> str:
    return f'Basic {base64.b64encode(text.encode()).decode()}'


@pytest.mark.parametrize('way', ['address', 'environment', 'netrc'])
def test_credentials_are_sent_and_shown_nowhere(
    serve: Any, make_version: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    make_version('v1')
    address = serve(files(make_version.root, login=login('fleet:s3cr@t')))
    monkeypatch.setenv('NETRC', str(tmp_path / 'netrc'))
    if way == 'address':
        address = address.replace('http://', 'http://fleet:s3cr%40t@')
    elif way == 'environment':
        monkeypatch.setenv('HOTSWAP_REPOSITORY_CREDENTIALS', 'fleet:s3cr@t')
    else:
        (tmp_path / 'netrc').write_text('machine 127.0.0.1 login fleet password s3cr@t\n')
    source = source_of(address)
    cache = CachedRepository(tmp_path / 'cache', source)
    cache.fetch('policy', 'v1')
    assert cache.has('policy', 'v1')
    with pytest.raises(ModelError) as caught:
        cache.fetch('policy', 'v2')
    assert 's3cr' not in str(caught.value) + str(source)


def test_wrong_credentials_are_said_to_be_wrong(
    serve: Any, make_version: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version('v1')
    monkeypatch.setenv('NETRC', str(tmp_path / 'none'))
    address = serve(files(make_version.root, login=login('fleet:secret')))
    cache = CachedRepository(tmp_path / 'cache', source_of(address))
    with pytest.raises(FetchFailedError, match='401'):
        cache.fetch('policy', 'v1')


@pytest.mark.parametrize('address', ['http://', 'https:///folder', 'http://host:x/'])
def test_an_address_without_a_host_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r'host|[Pp]ort'):
        source_of(address)


@pytest.mark.parametrize('rest', ['?token=1', '#part'])
def test_an_address_with_more_than_a_folder_is_refused(rest: str) -> None:
    """It was cut off without a word, and the server then knew no version."""
    with pytest.raises(ValueError, match='after its folder'):
        source_of(f'http://host/folder{rest}')


def test_an_address_that_nobody_answers(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(('127.0.0.1', 0))
        address = 'http://{}:{}'.format(*closed.getsockname())
    cache = CachedRepository(tmp_path / 'cache', source_of(address), patience_s=PATIENCE_S)
    with pytest.raises(FetchFailedError):
        cache.fetch('policy', 'v1')
