"""Parse single overrides: Hydra's grammar with short keys."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from itertools import islice
from typing import Any

from adamcmp.components.names import HYPERPARAMETER_FIELDS
from adamcmp.config import _hydra
from adamcmp.config._hydra import ConfigLoader, HydraException, Override
from adamcmp.config.sections import is_number, is_text
from adamcmp.config.sweep_functions import MAX_VALUES, SWEEP_FUNCTIONS
from adamcmp.errors import ConfigError, nearest, shortened

#: Short keys of the command line. They are the same for every optimizer and dataset.
SHORT_KEYS = {
    **{name: f"optimizer.{field}" for name, field in HYPERPARAMETER_FIELDS.items()},
    "optimizer.wd": "optimizer.weight_decay",
    "subset": "dataset.subset",
    "label_noise": "dataset.label_noise",
    "data_seed": "dataset.data_seed",
    "root": "dataset.root",
    "download": "dataset.download",
    "tracker": "logger",
}
_SHORTENED = {full: key for key, full in SHORT_KEYS.items() if "." not in key}
_NUMBER = r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
_SPAN = re.compile(rf"{_NUMBER}(?:\.\.+|:){_NUMBER}", re.IGNORECASE)
_OVERRIDE = re.compile(r"([+~]*)([\w./@]+)(=.*)?", re.DOTALL)


def expand_key(override: str) -> str:
    """Return an override with its short key replaced by the full one.

    >>> expand_key("lr=0.1")
    'optimizer.lr=0.1'
    """
    match = _OVERRIDE.fullmatch(override)
    if match and match[2] in SHORT_KEYS:
        return f"{match[1]}{SHORT_KEYS[match[2]]}{match[3] or ''}"
    return override


def shorten_key(override: str) -> str:
    """Return an override with its full key replaced by the short one, if there is one.

    >>> shorten_key("optimizer.lr=0.1")
    'lr=0.1'
    """
    key, equals, value = override.partition("=")
    return f"{_SHORTENED.get(key, key)}{equals}{value}"


def with_typed_key(message: str, overrides: Iterable[str]) -> str:
    """Return an error message with the setting's key replaced by the short key that was typed."""
    typed = (o.partition("=")[0] for o in overrides)
    for key in (key.strip() for keys in typed for key in re.split(r"[(),]", keys)):
        if key in SHORT_KEYS and message.startswith(f"{SHORT_KEYS[key]}="):
            return key + message.removeprefix(SHORT_KEYS[key])
    return message


class Grammar:
    """Parser of single overrides.

    Args:
        loader: Lists the options of config groups, for the function ``glob``.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        self._parser = _hydra.create_parser(loader, SWEEP_FUNCTIONS)

    def parse(self, override: str) -> Override:
        """Parse an override.

        Raises:
            ConfigError: If it is not in the grammar, or a function in it rejects its arguments.
        """
        expanded = expand_key(override)
        try:
            (parsed,) = self._parser.parse_overrides([expanded])
        except HydraException as error:
            reason = self._reason(override, error.__cause__)
            as_text = None if reason else self._as_text(expanded)
            if as_text is None:
                raise ConfigError(reason or _unreadable(override)) from None
            return as_text
        except ValueError:  # Python reads integers of up to 4300 digits
            raise ConfigError(f"{shortened(override)}: the number has too many digits.") from None
        # Such as study=1_0, study=true, and a tab, which Hydra strips.
        if isinstance(parsed.value(), int | float) or parsed.value() == "":
            parsed = self._as_text(expanded) or parsed
        _check_no_span(override, parsed)
        if _hydra.has_nested_sweep(parsed):
            raise ConfigError(f"{override}: {_hydra.NESTED_SWEEP}.")
        return parsed

    def expand_sweep(self, override: Override) -> list[Override]:
        """Return one override for each value of a sweep, in Hydra's order.

        As in Hydra's sweeper, a value is written as text and parsed again.

        Raises:
            ConfigError: If the sweep is an interval, which has no list of values, or has more
                values than a study may have runs.
        """
        if is_text(override.key_or_group) and (texts := _hydra.listed_texts(override)):
            listed = [self.parse(f"{override.get_key_element()}={text}") for text in texts]
            return [single for each in listed for single in self._singles(each)]
        try:
            # Stops early, since range(1000000000) would fill the memory.
            values = list(islice(_hydra.iterate_sweep(override), MAX_VALUES + 1))
            if len(values) > MAX_VALUES:
                raise ValueError(f"more than {MAX_VALUES:,} values")
            return [self._with_value(override, value) for value in values]
        except (HydraException, ValueError) as error:
            raise ConfigError(f"{override.input_line}: {error}.") from None

    def _singles(self, override: Override) -> list[Override]:
        return self.expand_sweep(override) if override.is_sweep_override() else [override]

    def _with_value(self, override: Override, value: Any) -> Override:
        single = _hydra.with_value(override, value)
        if value is None or isinstance(value, int | float):
            return single  # parsing its text would return the same
        return self.parse(str(single.input_line))

    def _as_text(self, override: str) -> Override | None:
        """Parse an override as text that is not quoted; None if its setting is not text.

        A value that contains a comma could also be several, so it needs quotes.
        """
        match = _OVERRIDE.fullmatch(override)
        value = (match[3] or "")[1:] if match else ""
        if match is None or not is_text(match[2]) or re.search(r"^$|^[\"'\[{]|,.", value):
            return None
        (parsed,) = self._parser.parse_overrides([f"{match[1]}{match[2]}={_hydra.quoted(value)}"])
        return parsed

    def _reason(self, override: str, cause: BaseException | None) -> str:
        """Return why Hydra rejected an override; empty if it is not in the grammar."""
        text = " ".join(str(cause).split()).rstrip(".") if cause else ""
        unknown = re.match(r"Unknown function '(\w+)'", text)
        if unknown:
            known = _hydra.function_names(self._parser)
            return (
                f"{override}: there is no function {unknown[1]!r}.{nearest(unknown[1], known)} "
                f"Choose from: {', '.join(known)}."
            )
        if text and isinstance(cause, ConfigError | TypeError | ValueError):
            return f"{override}: {text}."
        return ""


def _check_no_span(text: str, override: Override) -> None:
    """Check that a number is not typed as a span, such as ``lr=1e-3..1e-1``."""
    value, key = override.value(), override.key_or_group
    span = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if span and is_number(key):
        start, stop = span.groups()
        function = "logspace" if float(start) > 0 else "linspace"
        typed = text.partition("=")[0]
        raise ConfigError(
            f"{text}: several values are {typed}={function}({start},{stop},5), or a list such as "
            f"{typed}={start},{stop}."
        )


def quoted_text(override: str) -> str:
    """Return an override whose value is text, as typed in a shell.

    >>> print(quoted_text("dataset.path=a,b.csv"))
    'dataset.path="a,b.csv"'
    """
    key, _, value = override.partition("=")
    return shlex.quote(f"{key}={_hydra.quoted(value)}")


def _unreadable(override: str) -> str:
    """Return the message for an override that is not in the grammar."""
    key, _, value = override.partition("=")
    hint = ""
    if value and is_number(expand_key(key)):
        hint = f" Several values are a list such as {key}=1,2, or a function such as linspace."
    elif value:
        hint = f" Text with such characters needs quotes: {shortened(quoted_text(override))}"
    return f"Cannot read {shortened(override)!r}: a setting is key=value, +key=value or ~key.{hint}"
