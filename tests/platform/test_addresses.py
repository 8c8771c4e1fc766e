"""What texts name: folders, URLs of buckets, and neither."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamcmp.errors import ConfigError
from adamcmp.platform.addresses import ObjectUrl, address, local_folder

SEGMENTS = st.lists(st.text("ab0_=-", min_size=1), max_size=3)


@given(bucket=st.text("ab0", min_size=3, max_size=9), segments=SEGMENTS)
def test_a_url_is_the_address_of_its_text(bucket, segments):
    url = ObjectUrl("s3", bucket, tuple(segments))
    assert address(str(url)) == address(f"{url}/") == url
    assert (url / "name").parent == url and (url / "name").name == "name"
    assert local_folder(url).parts == ("results", "s3", bucket, *segments)


@pytest.mark.parametrize("text", ["results", "/tmp/results", "s3", "a/s3:/b", "C:"])
def test_other_texts_are_folders(text):
    assert address(text) == Path(text) == local_folder(Path(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gs://bucket/x", "no storage for gs://"),
        ("https://bucket.s3.amazonaws.com/x", "no storage for https://"),
        ("s3:/bucket/x", "should have the form s3://BUCKET"),
        ("s3://", "should have the form s3://BUCKET"),
        ("s3://b", "should have the form"),
        ("s3://bucket//x", "should have the form"),
        ("s3://bucket/../x", "should have the form"),
        ("s3://bucket/a b", "should have the form"),
        ("s3://bucket/x?versionId=1", "should have the form"),
    ],
)
def test_what_cannot_be_used_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        address(text)


def test_credentials_in_a_url_are_refused_and_not_repeated():
    with pytest.raises(ConfigError, match="Give credentials in the environment") as error:
        address("s3://AKIAKEY:topsecret@bucket/x")
    assert "topsecret" not in str(error.value) and "AKIAKEY" not in str(error.value)
