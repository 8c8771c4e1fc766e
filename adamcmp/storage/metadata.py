"""A study's metadata: its numerics or the files it was imported from, and its commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import yaml

from adamcmp.components.names import HYPERPARAMETER_FIELDS
from adamcmp.config.study_config import DEFAULTS_VERSION
from adamcmp.errors import StoreError
from adamcmp.storage.columns import SCHEMA_VERSION
from adamcmp.storage.files import Files
from adamcmp.storage.locations import Location, files_at

_SHORT_KEYS = {f"optimizer.{field}": name for name, field in HYPERPARAMETER_FIELDS.items()}
#: The file of the metadata.
METADATA_FILE = "study.yaml"
#: Ten times as fast where PyYAML was built with libyaml. Both load plain values only.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_study_metadata(study: Location) -> dict[str, Any]:
    """Return the content of a study's study.yaml; empty for a study that does not exist.

    Raises:
        StoreError: If it is damaged, or missing although runs are stored.
    """
    files = files_at(study)
    try:
        metadata = yaml.load(files.read(METADATA_FILE).decode("utf-8"), _LOADER)
    except (FileNotFoundError, NotADirectoryError):
        if files.list("runs/"):
            raise _damaged(files, "is missing, but the study has runs") from None
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())  # the parser's message has several lines
        raise _damaged(files, f"is damaged ({reason})") from None
    if not isinstance(metadata, dict) or not {"numerics", "imported"} & metadata.keys():
        raise _damaged(files, "is damaged: it does not describe a study")
    return metadata


def defaults_version(study: Location) -> int | None:
    """Return the version of the defaults that a study was created with; None for a new study.

    Raises:
        StoreError: If study.yaml is damaged, or a later version of adamcmp wrote it.
    """
    metadata = read_study_metadata(study)
    if "numerics" not in metadata:  # a new study, or imported runs
        return None
    version = metadata.get("defaults", 1)  # version 0.1 of adamcmp did not record it
    if version not in range(1, DEFAULTS_VERSION + 1):
        raise StoreError(
            f"{files_at(study).location(METADATA_FILE)}: there are no defaults of version "
            f"{version!r}. Continue the study with the version of adamcmp that began it."
        )
    return int(version)


def searched_keys(study: Location) -> list[frozenset[str]] | None:
    """Return the keys whose values each command of a study searched in a range; none for a grid.

    Returns:
        Keys as typed, but short ones where a column has one, such as ``lr``. None if there is no
        record, as in a study of imported runs.

    Raises:
        StoreError: See `read_study_metadata`.
    """
    metadata = read_study_metadata(study)
    if "imported" in metadata:
        return None
    commands = [command["words"] for command in metadata.get("asked", [])]
    # These add runs to what is searched or a grid already.
    adding = ("extend ", "settle ")
    trained = [words for words in commands if words and not words[0].startswith(adding)]
    return [
        frozenset(
            _SHORT_KEYS.get(key, key)
            for key, _, value in (word.partition("=") for word in words)
            if "interval(" in value or (value.startswith("default") and _is_search(words))
        )
        for words in trained
    ] or None


def _is_search(words: Sequence[str]) -> bool:
    """Return whether a command searched ranges, so that ``lr=default`` was one of them."""
    return any(word.startswith("sampler=") and word != "sampler=null" for word in words)


def requested_runs(study: Location) -> int:
    """Return how many runs a study has once all runs of its commands have ended.

    Returns:
        0 if there is no record, as in a study of imported runs or of version 0.1.

    Raises:
        StoreError: See `read_study_metadata`.
    """
    # A command that was repeated, or that has a further stage, is recorded again.
    last = {
        tuple(command["words"]): command for command in read_study_metadata(study).get("asked", [])
    }
    return max(
        (command.get("study_runs", command.get("runs", 0)) for command in last.values()), default=0
    )


def last_addition(study: Location) -> dict[str, Any] | None:
    """Return the addition that the last command that added runs to a study recorded.

    Returns:
        `StudyConfig.addition`; None if no command added runs.

    Raises:
        StoreError: See `read_study_metadata`.
    """
    commands = read_study_metadata(study).get("asked", [])
    return next((each["addition"] for each in reversed(commands) if "addition" in each), None)


def _damaged(files: Files, problem: str) -> StoreError:
    return StoreError(
        f"{files.location(METADATA_FILE)} {problem}. Restore the file, or move the study's folder "
        f"away and train its runs again."
    )


def write_study_metadata(files: Files, metadata: Mapping[str, Any]) -> None:
    """Write study.yaml.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    text = yaml.safe_dump(dict(metadata), sort_keys=False, allow_unicode=True)
    files.replace(METADATA_FILE, text.encode())


def new_study_metadata(study: str, **contents: Any) -> dict[str, Any]:
    """Return the metadata of a new study.

    Args:
        study: The study's name.
        contents: ``numerics`` and ``defaults``, or ``imported``.
    """
    # Version 0.1 named commands `asked`, and the overrides of a command `words`.
    return {"study": study, "schema": SCHEMA_VERSION, "created": now(), **contents, "asked": []}


def now() -> str:
    """Return the time in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
