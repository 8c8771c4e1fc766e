"""Sequences of operations on files, and what they should do: what a dictionary does."""

from hypothesis import strategies as st

from adamcmp.storage.files import Files

NAMES = ("study.yaml", "runs/a", "runs/b", "metrics/a", "a/b=1,2.json")
CONTENTS = st.binary(max_size=3)
OPERATION = st.one_of(
    st.tuples(st.sampled_from(["create", "replace"]), st.sampled_from(NAMES), CONTENTS),
    st.tuples(st.sampled_from(["read", "delete"]), st.sampled_from(NAMES)),
)
OPERATIONS = st.lists(OPERATION, max_size=8)


def outcome(files: Files, operation: str, *arguments: object) -> object:
    """Return what an operation returns, or the type of the error that it raises."""
    try:
        return getattr(files, operation)(*arguments)
    except (FileExistsError, FileNotFoundError) as error:
        return type(error)


def expected_outcome(contents: dict[str, bytes], operation: str, name: str, *content) -> object:
    """Apply an operation to a dictionary; return the outcome that it should have."""
    if operation == "create" and name in contents:
        return FileExistsError
    if operation == "read":
        return contents.get(name, FileNotFoundError)
    if operation == "delete":
        contents.pop(name, None)
    else:
        (contents[name],) = content
    return None


def check_listings(files: Files, contents: dict[str, bytes]) -> None:
    """Check that all listings agree with a dictionary."""
    for prefix in ("", "runs/", "metrics/", "a/"):
        names = {n for n in contents if n.startswith(prefix) and "/" not in n[len(prefix) :]}
        versions = files.list(prefix)
        assert set(versions) == names
        assert all(version.size == len(contents[name]) for name, version in versions.items())
