"""A study's files in a bucket of an object store, such as Amazon S3 or MinIO.

The name of an object is the URL's folder, a slash and the file's name. An object is written in
whole or not at all. A new file is written on the condition that no object has its name
(``If-None-Match``), and a lock is changed on the condition that nobody else has changed it
(``If-Match``).

Each write has a random token in the object's metadata. If the answer to a write is lost, the
repeated request fails because the object exists. The token then shows whether the object is that
of the first request.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from adamcmp.platform.addresses import ObjectUrl, local_folder
from adamcmp.storage.bucket_lock import BucketLock
from adamcmp.storage.buckets import BucketUnavailable, bucket_errors, open_bucket
from adamcmp.storage.files import Files, FileVersion

if TYPE_CHECKING:
    from obstore.store import S3Store

T = TypeVar("T")
U = TypeVar("U")
#: Files that are read at once.
THREADS = 16
#: Bytes of parts that a process keeps in memory.
CACHED_BYTES = 256 << 20
#: Objects that are longer are written in several requests, each of this many bytes.
CHUNK_BYTES = 16 << 20
#: Seconds before a conditional write is repeated, most of a minute in all. The library repeats
#: other requests.
WAITS = (0.2, 0.5, 1.0, 2.0, 4.0, *[8.0] * 6)
#: A conditional write is not repeated later, since leases must outlast it.
REPEAT_SECONDS = 60.0
_TOKEN = "adamcmp-write"
# The name of a part has digests of its content: it is never replaced.
_IMMUTABLE = re.compile(r".*-[0-9a-f]{12}\.parquet")


@cache
def object_store(url: ObjectUrl) -> ObjectStore:
    """Return the files at a URL; a process has one connection to them.

    Raises:
        ConfigError: See `open_bucket`.
    """
    return ObjectStore(url, open_bucket(url))


class ObjectStore(Files):
    """The files at a URL.

    Args:
        url: The URL of a study, or of a folder of studies.
        bucket: The connection to its bucket.
    """

    def __init__(self, url: ObjectUrl, bucket: S3Store) -> None:
        self.path = local_folder(url)
        self._url, self._bucket = url, bucket
        self._parts = _Cache(CACHED_BYTES)
        self._locks: list[BucketLock] = []

    @property
    def address(self) -> ObjectUrl:
        """See `Files.address`."""
        return self._url

    @property
    def on_disk(self) -> bool:
        """See `Files.on_disk`."""
        return False

    def concurrently(self, function: Callable[[T], U], items: Iterable[T]) -> list[U]:
        """See `Files.concurrently`."""
        listed = list(items)
        if len(listed) < 2:
            return list(map(function, listed))
        with ThreadPoolExecutor(min(THREADS, len(listed))) as threads:
            return list(threads.map(function, listed))

    def list(self, prefix: str) -> Mapping[str, FileVersion]:
        """See `Files.list`."""
        versions = {}
        for entry in self._listing(prefix)["objects"]:
            name = entry["path"].rpartition("/")[2]
            if not name.startswith("."):
                modified_ns = int(entry["last_modified"].timestamp() * 1e9)
                versions[prefix + name] = FileVersion(
                    modified_ns, entry["size"], entry["e_tag"] or ""
                )
        return versions

    def folders(self) -> Sequence[str]:
        """See `Files.folders`."""
        return [path.rpartition("/")[2] for path in self._listing("")["common_prefixes"]]

    def _listing(self, prefix: str) -> Mapping[str, Any]:
        import obstore

        with bucket_errors(self.location(prefix)):
            return obstore.list_with_delimiter(self._bucket, self._key(prefix.rstrip("/")))

    def read(self, name: str) -> bytes:
        """See `Files.read`."""
        if not _IMMUTABLE.fullmatch(name):
            return self.read_tagged(name)[0]
        content = self._parts.get(name)
        if content is None:
            content = self.read_tagged(name)[0]
            self._parts.put(name, content)
        return content

    def read_tagged(self, name: str) -> tuple[bytes, str]:
        """Return a file's content and its entity tag.

        Raises:
            FileNotFoundError: If there is no such file.
            BucketError: If it cannot be read.
        """
        import obstore

        with bucket_errors(self.location(name)):
            answer = obstore.get(self._bucket, self._key(name))
            return bytes(answer.bytes()), answer.meta["e_tag"] or ""

    def create(self, name: str, content: bytes) -> None:
        """See `Files.create`."""
        self._check_locks()
        self.write_if(name, content, None)

    def write_if(self, name: str, content: bytes, tag: str | None) -> str:
        """Write a file if it has an entity tag.

        Args:
            name: The file.
            content: Its new content.
            tag: The tag that it must have; None if it must not exist.

        Returns:
            The new tag.

        Raises:
            FileExistsError: If the file has another tag, or does not exist.
            BucketError: If it cannot be written.
        """
        token, begin = secrets.token_hex(16), time.monotonic()
        for next_wait in (*WAITS, None):
            wait = next_wait if time.monotonic() - begin < REPEAT_SECONDS else None
            try:
                return self._put(name, content, token, "create" if tag is None else {"e_tag": tag})
            except FileExistsError:
                written = self._token_and_tag(name)
                if written and written[0] == token:  # the answer to this write was lost
                    return written[1]
                # Without an object, the write of another process has just failed.
                if written or tag is not None or wait is None:
                    raise
            except BucketUnavailable:
                if wait is None:
                    raise
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def replace(self, name: str, content: bytes) -> None:
        """See `Files.replace`."""
        self._check_locks()
        self._parts.remove(name)
        self._put(name, content, secrets.token_hex(16), "overwrite")

    def _put(
        self, name: str, content: bytes, token: str, mode: Literal["create", "overwrite"] | Any
    ) -> str:
        import obstore

        with bucket_errors(self.location(name)):
            result = obstore.put(
                self._bucket,
                self._key(name),
                content,
                attributes={_TOKEN: token},
                mode=mode,
                use_multipart=mode == "overwrite" and len(content) > CHUNK_BYTES,
                chunk_size=CHUNK_BYTES,
            )
        return result["e_tag"] or ""

    def _token_and_tag(self, name: str) -> tuple[str, str] | None:
        """Return the token and the entity tag of an object; None if it does not exist."""
        import obstore

        try:
            with bucket_errors(self.location(name)):
                answer = obstore.get(self._bucket, self._key(name))
        except FileNotFoundError:
            return None
        return str(answer.attributes.get(_TOKEN, "")), answer.meta["e_tag"] or ""

    def delete(self, name: str) -> None:
        """See `Files.delete`."""
        import obstore

        self._check_locks()
        self._parts.remove(name)
        with contextlib.suppress(FileNotFoundError), bucket_errors(self.location(name)):
            obstore.delete(self._bucket, self._key(name))

    def remove_partial_writes(self, prefix: str, before_ns: int) -> None:
        """Do nothing: an object is written in whole.

        The parts of an upload in several requests that was not finished are in no listing. A
        lifecycle rule of the bucket removes them.
        """

    @contextlib.contextmanager
    def lock(self, timeout: float, name: str = ".lock") -> Iterator[None]:
        """See `Files.lock`."""
        with BucketLock(self, name, timeout) as lock:
            self._locks.append(lock)
            try:
                yield
            finally:
                self._locks.remove(lock)

    def _check_locks(self) -> None:
        """Check that the locks are still held, before what they guard is changed."""
        for lock in self._locks:
            lock.check()

    def _key(self, name: str) -> str:
        return "/".join((*self._url.segments, name)) if name else "/".join(self._url.segments)


class _Cache:
    """Contents of files, up to a number of bytes; the least recently used are removed."""

    def __init__(self, limit: int) -> None:
        self._limit, self._size = limit, 0
        self._contents: OrderedDict[str, bytes] = OrderedDict()
        self._mutex = threading.Lock()

    def get(self, name: str) -> bytes | None:
        with self._mutex:
            if name in self._contents:
                self._contents.move_to_end(name)
            return self._contents.get(name)

    def put(self, name: str, content: bytes) -> None:
        self.remove(name)
        with self._mutex:
            self._contents[name] = content
            self._size += len(content)
            while self._size > self._limit:
                self._size -= len(self._contents.popitem(last=False)[1])

    def remove(self, name: str) -> None:
        with self._mutex:
            self._size -= len(self._contents.pop(name, b""))
