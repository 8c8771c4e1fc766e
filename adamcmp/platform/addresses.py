"""Where studies are: a folder on this machine, or a prefix in a bucket of an object store."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from adamcmp.errors import ConfigError
from adamcmp.platform.files import expand_user

#: The schemes of URLs for which there is an implementation of `adamcmp.storage.files.Files`.
SCHEMES = ("s3",)
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+-]+):/")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
# The characters that AWS calls safe in the names of objects, and "=" and ",".
_SEGMENT = re.compile(r"(?!\.+$)[A-Za-z0-9!_.*'()=,-]+")
_FORM = "s3://BUCKET/FOLDER, such as s3://my-bucket/studies"


@dataclass(frozen=True)
class ObjectUrl:
    """A folder in a bucket: the common beginning of the names of its objects.

    It has the members of `pathlib.Path` that name a study, its parent and its children.

    >>> url = ObjectUrl("s3", "my-bucket", ("studies",)) / "first"
    >>> str(url), url.name, str(url.parent)
    ('s3://my-bucket/studies/first', 'first', 's3://my-bucket/studies')

    Attributes:
        scheme: One of `SCHEMES`.
        bucket: The name of the bucket.
        segments: The names of the folders.
    """

    scheme: str
    bucket: str
    segments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "/".join((f"{self.scheme}://{self.bucket}", *self.segments))

    def __truediv__(self, name: str) -> ObjectUrl:
        return ObjectUrl(self.scheme, self.bucket, (*self.segments, name))

    @property
    def name(self) -> str:
        """The last part of the URL."""
        return self.segments[-1] if self.segments else self.bucket

    @property
    def parent(self) -> ObjectUrl:
        """The folder that contains this one; that of a whole bucket is itself."""
        return ObjectUrl(self.scheme, self.bucket, self.segments[:-1])

    def absolute(self) -> ObjectUrl:
        """Return the URL, which depends on no current folder."""
        return self


#: A folder on this machine, or in a bucket.
Address: TypeAlias = Path | ObjectUrl


def address(text: str) -> Address:
    """Return the address that a text names: that of a URL, else the path of a folder.

    >>> address("s3://my-bucket/studies/")
    ObjectUrl(scheme='s3', bucket='my-bucket', segments=('studies',))
    >>> address("results")
    PosixPath('results')

    Raises:
        ConfigError: If it is the URL of something else, or has credentials.
    """
    if not (match := _SCHEME.match(text)):
        return expand_user(text)
    scheme, rest = match["scheme"].lower(), text[match.end() :]
    if "@" in rest:  # the message does not repeat the credentials
        raise ConfigError(
            "The URL of results has an @, as in s3://KEY:SECRET@BUCKET. Give credentials in the "
            "environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY) or in ~/.aws, and write "
            f"{_FORM}."
        )
    if scheme not in SCHEMES:
        raise ConfigError(
            f"results={text}: there is no storage for {scheme}:// URLs. Results are kept in a "
            f"folder or in {_FORM}."
        )
    bucket, *segments = rest.removeprefix("/").rstrip("/").split("/")
    names_folder = all(_SEGMENT.fullmatch(segment) for segment in segments)
    if not rest.startswith("/") or not _BUCKET.fullmatch(bucket) or not names_folder:
        raise ConfigError(f"results={text} should have the form {_FORM}.")
    return ObjectUrl(scheme, bucket, tuple(segments))


def local_folder(place: Address) -> Path:
    """Return the folder on this machine for what is not stored in a bucket, such as reports.

    >>> local_folder(ObjectUrl("s3", "my-bucket", ("studies", "first"))).as_posix()
    'results/s3/my-bucket/studies/first'
    """
    if isinstance(place, Path):
        return place
    return Path("results", place.scheme, place.bucket, *place.segments)


def default_results() -> str:
    """Return the folder or URL of all studies if a command line names none."""
    return os.environ.get("ADAMCMP_RESULTS", "results")


def study_arguments(folder: Address) -> str:
    """Return the arguments that select a study in other commands, quoted for a shell.

    Args:
        folder: The study's folder or URL.

    Returns:
        The study's name, and ``--results`` unless its parent is the default results folder.
    """
    if _resolved(folder.parent) == _resolved(address(default_results())):
        return shlex.quote(folder.name)
    return f"{shlex.quote(folder.name)} --results {shlex.quote(str(folder.parent))}"


def _resolved(root: Address) -> Address:
    return root.resolve() if isinstance(root, Path) else root
