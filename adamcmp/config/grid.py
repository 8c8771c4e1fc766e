"""From the words of a sweep to axes of values, and to the study's name."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from adamcmp.config.overrides import COLON, COMMA, SHORT, Grammar, split, unwrapped
from adamcmp.config.settings import ROOMS, Execution
from adamcmp.errors import ConfigError

_ZIP = re.compile(r"(?:zip\(([^()]*)\)|([\w./@+~]+(?:,[\w./@+~]+)+))=(.*)", re.DOTALL)
#: What changes no number and no cell of a grid, and so no study's name; more seeds widen a study.
_UNNAMED = {
    *("study", "results", "seed", "n", "dataset.root", "dataset.download", "logger"),
    *Execution.model_fields,
}
_NAME_LENGTH = 64
_DIGEST = 8


@dataclass(frozen=True)
class Axis:
    """Keys whose values change together; one key, but for paired ones.

    Attributes:
        keys: The keys, in full, with their ``+`` or ``~``.
        points: The values: for each a word a key.
    """

    keys: tuple[str, ...]
    points: tuple[tuple[Override, ...], ...]

    @property
    def words(self) -> list[list[str]]:
        """The values as plain words."""
        return [[str(override.input_line) for override in point] for point in self.points]


@dataclass(frozen=True)
class SearchRange:
    """A range that is searched.

    Attributes:
        start: Its low end.
        end: Its high end.
        log: Whether it is searched on a log scale.
        whole: Whether its values are whole numbers.
    """

    start: float
    end: float
    log: bool
    whole: bool

    def at(self, share: float) -> float:
        """Return the value at a share of the way from start to end, on the interval's scale."""
        if self.log:
            value = self.start * (self.end / self.start) ** share
        else:
            value = self.start + (self.end - self.start) * share
        return round(value) if self.whole else short(value)


def short(value: float) -> float:
    """Return a number to six significant digits: enough to search, and readable."""
    return float(f"{value:.6g}")


def interval(override: Override) -> SearchRange:
    """Return what Hydra's ``interval`` says; two whole ends make whole numbers.

    Raises:
        ConfigError: When its ends are the wrong way round, or not positive on a log scale.
    """
    sweep: Any = override.value()
    word = override.input_line
    if sweep.tags - {"log"}:
        raise ConfigError(f"{word}: the only tag of an interval is log.")
    log, whole = "log" in sweep.tags, isinstance(sweep.start, int) and isinstance(sweep.end, int)
    if not sweep.start < sweep.end:
        raise ConfigError(f"{word}: an interval goes from low to high.")
    if log and sweep.start <= 0:
        raise ConfigError(f"{word}: a log scale takes numbers above 0.")
    return SearchRange(sweep.start, sweep.end, log, whole)


@dataclass(frozen=True)
class Space:
    """What words span.

    Attributes:
        entries: Words and axes, in the order typed.
    """

    entries: tuple[Override | Axis, ...]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """What has a list of values; runs are their product, the last axis fastest."""
        return tuple(entry for entry in self.entries if isinstance(entry, Axis))

    @property
    def fixed(self) -> tuple[Override, ...]:
        """Words of one value."""
        return tuple(o for o in self._single if not o.is_sweep_override())

    @property
    def intervals(self) -> tuple[Override, ...]:
        """Ranges without a list of values; Hydra's override holds their ends and tags."""
        return tuple(o for o in self._single if o.is_sweep_override())

    @property
    def ranges(self) -> dict[str, SearchRange]:
        """The intervals by key.

        Raises:
            ConfigError: As `interval`.
        """
        return {override.get_key_element(): interval(override) for override in self.intervals}

    @property
    def _single(self) -> tuple[Override, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, Override))

    def __len__(self) -> int:
        """Return the number of points of the axes."""
        return math.prod(len(axis.points) for axis in self.axes)

    def at(self, point: Mapping[int, int]) -> list[Override]:
        """Return the fixed words, and those at positions of some axes, in the order typed."""
        chosen = {id(axis): axis.points[point[i]] for i, axis in enumerate(self.axes) if i in point}
        single = ((e,) if isinstance(e, Override) else chosen.get(id(e), ()) for e in self.entries)
        return [override for words in single for override in words]

    def others(self, axis: Axis) -> list[Override]:
        """Return a word for each key but those of an axis."""
        rest = (entry for entry in self.entries if entry is not axis)
        return [o for e in rest for o in (e.points[0] if isinstance(e, Axis) else (e,))]


def space(words: Iterable[str], grammar: Grammar) -> Space:
    """Return what words span.

    Raises:
        ConfigError: When a word cannot be read, or gives a key that another one gives too.
    """
    found: dict[tuple[str, ...], Override | Axis] = {}
    for word in _seeded(list(words)):
        entry = _paired(word, grammar) or _single(word, grammar)
        keys = entry.keys if isinstance(entry, Axis) else (entry.get_key_element(),)
        for other in found:
            if other != keys and set(other) & set(keys):
                raise ConfigError(f"{word}: {(set(other) & set(keys)).pop()} is given twice.")
        found[keys] = entry  # as with Hydra, the later of two words about one key counts
    return Space(tuple(found.values()))


def spans_several(word: str, grammar: Grammar) -> bool:
    """Return whether a word asks for several runs."""
    if word.startswith("seeds=") or _ZIP.fullmatch(word):
        return True
    return grammar.override(word).is_sweep_override()


def _single(word: str, grammar: Grammar) -> Override | Axis:
    override = grammar.override(word)
    if not override.is_sweep_override() or override.is_interval_sweep():
        return override
    points = tuple((value,) for value in grammar.values(override))
    return Axis((override.get_key_element(),), points)


def _seeded(words: list[str]) -> list[str]:
    """Return the words with ``seeds=5`` written as Hydra has it, ``seed=range(5)``."""
    counts = [word for word in words if word.startswith("seeds=")]
    words = [word for word in words if word not in counts[:-1]]  # the later of two counts
    for word in counts[-1:]:
        number = word.removeprefix("seeds=")
        if not re.fullmatch(r"\+?0*[1-9][0-9]*", number):
            raise ConfigError(f"{word}: should be a whole number of at least 1, like seeds=5.")
        single = [other for other in words if other.startswith("seed=")]
        if single:
            raise ConfigError(f"{single[0]} and {word}: give one of them.")
        words = [f"seed=range({int(number)})" if other == word else other for other in words]
    return words


def _paired(word: str, grammar: Grammar) -> Axis | None:
    """Read ``lr,wd=1e-3:0.1,1e-2:0.01``, also written ``zip(lr,wd)=(1e-3,0.1),(1e-2,0.01)``.

    Each item holds a value for every key, or sweeps of equal length: `logspace(…):powers(…)`.
    """
    match = _ZIP.fullmatch(word)
    if match is None:
        return None
    keys = [key.strip() for key in (match[1] or match[2] or "").split(",")]
    try:
        items = [(item, _sides(item)) for item in split(match[3], COMMA)]
    except HydraException:
        raise ConfigError(f"Cannot read {word!r}: {_example(keys)}") from None
    points: list[tuple[Override, ...]] = []
    for item, sides in items:
        if len(sides) != len(keys) or not all(sides):
            raise ConfigError(
                f"{word}: {item or 'nothing'} should hold {len(keys)} values, one a key: "
                f"{_example(keys)}"
            )
        typed = [grammar.override(f"{k}={side}") for k, side in zip(keys, sides, strict=True)]
        columns = [grammar.values(override) for override in typed]
        if len({len(column) for column in columns}) > 1:
            counts = (f"{len(c)} values of {key}" for key, c in zip(keys, columns, strict=True))
            raise ConfigError(f"{word}: {' but '.join(counts)}; pairs take as many of each.")
        points += zip(*columns, strict=True)
    full = tuple(override.get_key_element() for override in typed)
    if len(set(full)) < len(full):
        raise ConfigError(f"{word}: a key is given twice.")
    return Axis(full, tuple(points))


def _sides(item: str) -> list[str]:
    within = unwrapped(item)
    return split(item, COLON) if within is None else split(within, COMMA)


def _example(keys: Sequence[str]) -> str:
    first, second = (":".join(f"{letter}{i + 1}" for i in range(len(keys))) for letter in "ab")
    return f"paired settings are {','.join(keys)}={first},{second}"


def study_name(found: Space) -> str:
    """Return a readable folder name for a grid.

    The same settings give the same name, in whatever order and form they are typed. Of two grids
    with different ones no two share a name: it ends in a digest. Seeds are left out, so that
    more seeds widen the same study.
    """
    entries: dict[str, list[str]] = {}
    for override in (*found.fixed, *found.intervals):
        entries[override.get_key_element()] = [value_text(override)]
    for axis in found.axes:
        shown = {":".join(map(value_text, point)) for point in axis.points}
        entries[",".join(axis.keys)] = sorted(shown)
    entries = {key: texts for key, texts in sorted(entries.items()) if key not in _UNNAMED}
    digest = hashlib.sha256(json.dumps(entries).encode()).hexdigest()[:_DIGEST]
    groups = list(ROOMS)
    order = sorted(entries, key=lambda key: (groups.index(key) if key in groups else 9, key))
    name = ""
    for part in (_readable(key, entries[key]) for key in order):
        longer = f"{name}_{part}" if name else part[: _NAME_LENGTH - _DIGEST - 1]
        name = longer if len(longer) < _NAME_LENGTH - _DIGEST else name
    return f"{name or 'defaults'}_{digest}"


def value_text(override: Override) -> str:
    """Return a word's value; the same for the same value, however it is typed."""
    if override.is_interval_sweep():
        return override.get_value_string()
    value = override.value()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # 1.0 is the setting that 1 is
    return override.get_value_element_as_str()


def _readable(keys: str, texts: list[str]) -> str:
    short = {full: typed for typed, full in SHORT.items() if "." not in typed}
    names = [short.get(key, re.split(r"[./]", key)[-1]) for key in keys.split(",")]
    numbers = _numbers(texts)
    if len(texts) <= 3:
        values = "-".join(f"{number:g}" for number in numbers) or "-".join(texts)
    elif numbers:
        values = f"{numbers[0]:g}..{numbers[-1]:g}"
    else:
        values = f"{texts[0]}-and-{len(texts) - 1}-more"
    return re.sub(r"[^A-Za-z0-9._]+", "-", "-".join([*names, values])).strip("-._")


def _numbers(texts: list[str]) -> list[float]:
    """Return texts as numbers, sorted; none where one is no number."""
    try:
        return sorted(float(text) for text in texts)
    except ValueError:
        return []
