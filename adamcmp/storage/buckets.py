"""The connection to a bucket: obstore, its credentials and its errors.

obstore binds the Rust crate ``object_store`` of Apache Arrow. It retries requests after server
errors, throttling and lost connections, with exponential backoff.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from adamcmp.errors import ConfigError, StoreError, shortened
from adamcmp.platform.addresses import ObjectUrl

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Store

#: Limits of one request. A large object is written in several requests.
CLIENT_OPTIONS: ClientConfig = {
    "connect_timeout": timedelta(seconds=5),
    "timeout": timedelta(seconds=60),
}
#: A request is repeated for a minute, while a study is read or written. The waits between
#: repetitions are random, and may be short.
RETRIES: RetryConfig = {
    "max_retries": 100,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=8),
        "base": 2,
    },
}
#: Fewer repetitions of the first request, so that a mistyped address is reported soon.
FIRST_RETRIES: RetryConfig = {**RETRIES, "max_retries": 2, "retry_timeout": timedelta(seconds=10)}
_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or store them with `aws configure`"
_NOT_VALID = f"the credentials are not valid. To use others, {_CREDENTIALS}."
_OTHER_REGION = "the bucket is in another region. Set AWS_REGION to its region."
#: What the text of an error contains, and what it means. The first one that applies counts.
_EXPLANATIONS = {
    "NoSuchBucket": "there is no such bucket. Create it first.",
    **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"), _NOT_VALID),
    **dict.fromkeys(("redirect without LOCATION", "AuthorizationHeaderMalformed"), _OTHER_REGION),
    "403 Forbidden": "access is denied. The credentials need the rights to list, read, write and "
    "delete objects there.",
}


class BucketError(StoreError, OSError):
    """A bucket cannot be read or written.

    It is an `OSError` like those of a folder, which callers of `adamcmp.storage.files.Files`
    handle.
    """


class BucketUnavailable(BucketError):
    """A bucket gives no answer now; the same request may succeed later."""


@cache
def open_bucket(url: ObjectUrl) -> S3Store:
    """Return a connection to the bucket of a URL, after listing the objects of the URL.

    Raises:
        ConfigError: If obstore is not installed, there are no credentials, or the bucket does not
            exist or cannot be listed.
    """
    try:
        import obstore

        options = _options()
    except ImportError:
        raise ConfigError(f"{url} needs obstore and boto3: pip install 'adamcmp[s3]'") from None
    first = _connection(url.bucket, options, FIRST_RETRIES)
    try:
        with bucket_errors(url):
            next(obstore.list(first, prefix="/".join(url.segments), chunk_size=1), None)
    except BucketError as error:
        raise ConfigError(str(error)) from None
    return _connection(url.bucket, options, RETRIES)


def _connection(bucket: str, options: dict[str, Any], retries: RetryConfig) -> S3Store:
    from obstore.store import S3Store

    client: ClientConfig = {**CLIENT_OPTIONS, "allow_http": _endpoint()[1].startswith("http://")}
    return S3Store(bucket, client_options=client, retry_config=retries, **options)


def _endpoint() -> tuple[str, str]:
    """Return the variable with the address of a server other than AWS's, and the address.

    Both are empty for AWS.

    Raises:
        ConfigError: If it is not a URL.
    """
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"):
        if (value := os.environ.get(name)) is None:
            continue
        if not re.fullmatch(r"https?://[^/\s]+/?.*", value):
            raise ConfigError(
                f"{name}={value}: should be a URL such as http://localhost:9000. Unset it to use "
                f"Amazon's servers."
            )
        return name, value
    return "", ""


def _options() -> dict[str, Any]:
    """Return the endpoint, the credentials and the region.

    obstore reads environment variables only. Other credentials, such as those in ``~/.aws``, of a
    role or of single sign-on, come from boto3, if it has to look for them.
    """
    _, address = _endpoint()
    endpoint = {"endpoint": address} if address else {}
    if os.environ.get("AWS_ACCESS_KEY_ID") or os.environ.get("AWS_SKIP_SIGNATURE"):
        return endpoint
    import boto3
    from botocore.exceptions import BotoCoreError
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        session = boto3.session.Session()
        credentials = session.get_credentials()
    except BotoCoreError as error:  # such as an unknown profile
        raise ConfigError(f"There are no credentials for S3 ({error}): {_CREDENTIALS}.") from None
    if credentials is None:
        raise ConfigError(f"There are no credentials for S3: {_CREDENTIALS}.")
    region = {"region": session.region_name} if session.region_name else {}
    return {**endpoint, **region, "credential_provider": Boto3CredentialProvider(session)}


@contextlib.contextmanager
def bucket_errors(location: object) -> Iterator[None]:
    """Convert an error of obstore to one line that names the location.

    Raises:
        FileNotFoundError: If there is no such object.
        FileExistsError: If the condition of a write is not met.
        BucketUnavailable: If the same request may succeed later.
        BucketError: In place of every other error.
    """
    from obstore import exceptions

    try:
        yield
    except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
        raise FileExistsError(str(location)) from None
    except (FileNotFoundError, exceptions.BaseError) as error:
        text = str(error).partition("\n\nDebug source")[0]
        if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in text:
            raise FileNotFoundError(str(location)) from None
        raise _bucket_error(location, text) from None


def _bucket_error(location: object, text: str) -> BucketError:
    """Return the error for the text of an error of obstore, which has the server's answer."""
    for sign, explanation in _EXPLANATIONS.items():
        if sign in text:
            return BucketError(f"{location}: {explanation}")
    answer = re.search(r"status code: (?P<code>\d+)[^:]*", text)
    reason = answer[0] if answer else text.rpartition(" - ")[2]
    variable, address = _endpoint()
    server = f" at {address}" if address else ""
    message = f"{location}: the object store{server} gives no usable answer ({shortened(reason)})."
    if answer is None:
        checked = variable or "the network connection"
        return BucketUnavailable(f"{message} Check {checked}, and repeat the command.")
    if answer["code"][0] == "5" or answer["code"] in ("409", "429"):
        return BucketUnavailable(f"{message} Repeat the command later.")
    return BucketError(message)
