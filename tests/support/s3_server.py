"""A local S3 server (moto's) whose answers tests can replace by faults."""

import contextlib
import re
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from adamcmp.storage import buckets, object_store

#: The credentials that tests set; the server accepts any.
KEY, SECRET = "AKIATESTKEY", "test-secret-that-no-file-may-contain"
BUCKET = "test-bucket"
#: Answers of a server that does not want to be asked now.
SLOW_DOWN = (503, b"<Error><Code>SlowDown</Code><Message>Please reduce your rate</Message></Error>")
INTERNAL = (500, b"<Error><Code>InternalError</Code><Message>Try again</Message></Error>")
DENIED = (403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")


@dataclass
class Fault:
    """What happens to some requests.

    Attributes:
        method: The HTTP method of the requests.
        path: A regular expression for their paths.
        answer: The status and the body that are sent instead; None closes the connection.
        times: The number of requests.
        after: Whether the request is carried out before.
        delay: Seconds before the answer.
    """

    method: str
    path: str
    answer: tuple[int, bytes] | None = INTERNAL
    times: int = 1
    after: bool = False
    delay: float = 0.0

    def concerns(self, environ: dict) -> bool:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        return self.times > 0 and method == self.method and bool(re.search(self.path, path))


@dataclass
class FaultyApp:
    """A WSGI application that forwards requests, except for faults.

    Attributes:
        app: The application.
        faults: The faults, the first that concerns a request counts.
        requests: The method and the path of each request.
    """

    app: Callable
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    _mutex: threading.Lock = field(default_factory=threading.Lock)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict, start_response: Callable) -> object:
        with self._mutex:
            query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
            self.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"] + query))
            fault = next((fault for fault in self.faults if fault.concerns(environ)), None)
            if fault:
                fault.times -= 1
        if fault is None:
            return self._answer(environ, start_response)
        if fault.after:
            b"".join(self._answer(environ, lambda *_: lambda _: None))
        else:  # the client sends its whole request before it reads the answer
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        time.sleep(fault.delay)
        if fault.answer is None:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            start_response("500 Closed", [])
            return []
        status, body = fault.answer
        headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
        start_response(f"{status} Fault", headers)
        return [body]

    def _answer(self, environ: dict, start_response: Callable) -> object:
        """Forward a request; one write at a time, since moto checks conditions before it writes."""
        if environ["REQUEST_METHOD"] != "PUT":
            return self.app(environ, start_response)
        with self._writing:
            return self.app(environ, start_response)


@contextlib.contextmanager
def s3_server() -> Iterator[tuple[str, FaultyApp]]:
    """Start a server on a free port; yield its address and its application."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *args: object) -> None:
            """Log nothing."""

    app = FaultyApp(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", app
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def use_server(
    endpoint: str, app: FaultyApp, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultyApp]:
    """Let this process and its children use a server, with an empty bucket and short waits."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(buckets, "CLIENT_OPTIONS", {"timeout": timedelta(seconds=20)})
    backoff = {"init_backoff": timedelta(milliseconds=1), "max_backoff": timedelta(milliseconds=2)}
    for name in ("RETRIES", "FIRST_RETRIES"):
        monkeypatch.setattr(buckets, name, {**buckets.RETRIES, "backoff": backoff})
    caches = (buckets.open_bucket, object_store.object_store)
    for cache in caches:
        cache.cache_clear()
    app.faults = []
    create_bucket(endpoint)
    app.requests.clear()
    yield app
    app.faults = []
    for cache in caches:
        cache.cache_clear()


def create_bucket(endpoint: str) -> None:
    """Create an empty bucket in a server; all others are removed."""
    for method, path in (("POST", "/moto-api/reset"), ("PUT", f"/{BUCKET}")):
        urllib.request.urlopen(urllib.request.Request(endpoint + path, method=method)).close()
