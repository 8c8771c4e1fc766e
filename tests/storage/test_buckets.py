"""The connection to a bucket: what is missing is one clear line."""

import sys

import pytest

from adamcmp.errors import ConfigError, StoreError
from adamcmp.platform.addresses import address
from adamcmp.storage import buckets
from adamcmp.storage.buckets import BucketError, open_bucket
from adamcmp.storage.locations import files_at
from tests.support.s3_server import BUCKET, DENIED, SECRET, Fault

URL = address(f"s3://{BUCKET}/studies/s")


@pytest.fixture
def no_credentials(s3, monkeypatch, tmp_path):
    """Neither the environment nor ``~/.aws`` has credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def refusal():
    """Return the message with which the bucket is refused."""
    with pytest.raises(ConfigError) as error:
        files_at(URL)
    text = str(error.value)
    assert "\n" not in text and SECRET not in text
    return text


@pytest.mark.parametrize("package", ["obstore", "boto3"])
def test_a_missing_extra_is_named(no_credentials, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    assert refusal() == f"{URL} needs obstore and boto3: pip install 'adamcmp[s3]'"


def test_a_bucket_that_does_not_exist_is_named(s3):
    with pytest.raises(ConfigError, match="s3://no-such-bucket/s: there is no such bucket"):
        open_bucket(address("s3://no-such-bucket/s"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDenied", "access is denied. The credentials need the rights to list, read"),
        ("InvalidAccessKeyId", "the credentials are not valid. To use others, set"),
        ("SignatureDoesNotMatch", "the credentials are not valid. To use others, set"),
    ],
)
def test_refused_credentials_are_reported(s3, code, message):
    answer = (403, DENIED[1].replace(b"AccessDenied", code.encode()))
    s3.faults = [Fault("GET", BUCKET, answer)]
    assert f"{URL}: {message}" in refusal()


def test_a_bucket_in_another_region_is_reported(s3):
    body = b"<Error><Code>PermanentRedirect</Code><Message>Use another endpoint</Message></Error>"
    s3.faults = [Fault("GET", BUCKET, (301, body))]
    assert "the bucket is in another region. Set AWS_REGION" in refusal()


def test_a_server_that_cannot_be_reached_is_named(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    text = refusal()
    assert f"{URL}: the object store at http://127.0.0.1:9 gives no usable answer" in text
    assert text.endswith("Check AWS_ENDPOINT_URL, and repeat the command.")


def test_missing_credentials_are_reported(no_credentials):
    assert refusal().startswith("There are no credentials for S3: set AWS_ACCESS_KEY_ID")


def test_an_unknown_profile_is_reported(no_credentials, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "unknown")
    assert "The config profile (unknown) could not be found" in refusal()


def test_a_profile_of_the_aws_tools_is_used(no_credentials):
    lines = ["[default]", "aws_access_key_id = other", "aws_secret_access_key = secret"]
    (no_credentials / "credentials").write_text("\n".join(lines))
    (no_credentials / "config").write_text("[default]\nregion = us-east-1\n")
    files = files_at(URL)
    files.create("runs/a", b"1")
    assert files.read("runs/a") == b"1"


def test_an_error_of_a_bucket_is_both_an_error_of_a_store_and_of_a_file():
    error = BucketError("s3://b: access is denied.")
    assert isinstance(error, StoreError) and isinstance(error, OSError)
    assert str(error) == "s3://b: access is denied." and error.strerror is None


def test_the_endpoint_may_be_that_of_s3_only(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://other")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://s3")
    assert buckets._endpoint() == ("AWS_ENDPOINT_URL_S3", "http://s3")


@pytest.mark.parametrize("value", ["", "127.0.0.1:5055"])
def test_an_endpoint_that_is_no_url_is_named(monkeypatch, value):
    monkeypatch.setenv("AWS_ENDPOINT_URL", value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    with pytest.raises(ConfigError, match=f"AWS_ENDPOINT_URL={value}: should be a URL such as"):
        files_at(address("s3://a-bucket-of-mine/studies"))
