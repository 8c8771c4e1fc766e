"""The report as one HTML file that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

import jinja2
import matplotlib as mpl
import pandas as pd

from adamcmp.analysis import chosen, ranked, setting_columns
from adamcmp.analysis.setting_matrix import compared
from adamcmp.plots._style import looks
from adamcmp.reporting import provenance
from adamcmp.reporting.answer import Answer
from adamcmp.reporting.figures import Picture
from adamcmp.reporting.statistics import METRICS
from adamcmp.reporting.tables import Column, Table, as_csv, columns


def page(answer: Answer, pictures: Sequence[Picture], refresh: float | None = None) -> str:
    """Return the page.

    Args:
        answer: What is known.
        pictures: The plots.
        refresh: Seconds after which a browser loads it anew; None for a page that is finished.
    """
    files = resources.files("adamcmp.reporting")
    script, style = (
        "".join((files / name).read_text(encoding="utf-8") for name in names)
        for names in (("drawings.js", "page.js"), ("page.css",))
    )
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (files / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    environment.globals.update(columns=columns, names_of=names_of, as_csv=as_csv, data_uri=data_uri)
    return environment.get_template("page.html.j2").render(
        answer=answer,
        pictures=pictures,
        refresh=refresh,
        looks=looks(answer.runs["optimizer"]),
        problems=list(answer.runs["problem"].unique()),
        measured=measured(answer.runs),
        data=page_data(answer),
        varied=Table("varied", "What was varied", "", provenance.varied(answer)),
        differing=_differing(answer),
        provenance=provenance,
        style=style,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _differing(answer: Answer) -> Table:
    labels = {"setting": "setting", "optimizer": "", "estimate": ""}
    title, data = "What differs between optimizers", provenance.differing(answer)
    return Table("differing", title, "", data, labels=labels, across="optimizer")


def measured(runs: pd.DataFrame) -> list[str]:
    """Return the metrics that any run has, the one to open with first."""
    return [metric for metric in METRICS if metric in runs and runs[metric].notna().any()]


def names_of(row: int, shown: Iterable[Column], optimizers: Iterable[str]) -> list[str]:
    """Return the optimizers that a table's row is about."""
    known = set(optimizers)
    texts = [c.texts[row] for c in shown if not c.numeric and c.label not in known]
    return [text for text in texts if text in known]


def data_uri(text: str) -> str:
    """Return a csv file as an address that holds it."""
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(text.encode()).decode()


def page_data(answer: Answer) -> dict[str, Any]:
    """Return what the page draws by itself: every run, as columns of plain values."""
    runs = answer.runs
    optimizers, problems = list(looks(runs["optimizer"])), list(runs["problem"].unique())
    order = ranked(runs).set_index("run_id")["rank"]
    reported = set(chosen(runs)["run_id"])
    return {
        "optimizers": optimizers,
        "colors": [color for color, _ in looks(optimizers).values()],
        "scale": [mpl.colors.to_hex(mpl.colormaps["viridis_r"](share / 63)) for share in range(64)],
        "problems": problems,
        "runs": {
            "id": list(runs["run_id"]),
            "optimizer": [optimizers.index(o) for o in runs["optimizer"]],
            "problem": [problems.index(p) for p in runs["problem"]],
            "lr": _plain(runs["lr"]),
            "wd": _plain(runs["wd"]),
            "kind": _kinds(runs),
            "seed": [int(seed) for seed in runs["seed"]],
            "status": list(runs["status"]),
            # Runs that failed have no place: the last.
            "rank": [int(r) for r in order.reindex(runs["run_id"]).fillna(len(runs))],
            "chosen": [run_id in reported for run_id in runs["run_id"]],
            "compared": [bool(counts) for counts in compared(runs)],
        },
        "metrics": {metric: _plain(runs[metric]) for metric in measured(runs)},
    }


def _kinds(runs: pd.DataFrame) -> list[str]:
    """Return each run's settings besides lr and wd as a text, empty where no others varied."""
    others = [c for c in setting_columns(runs) if c not in ("lr", "wd")]
    texts = [c.rpartition(".")[2] + " " + runs[c].map(str) for c in others]
    return [", ".join(parts) for parts in zip(*texts, strict=True)] if texts else [""] * len(runs)


def _plain(values: pd.Series[float]) -> list[float | None]:
    """Return numbers of five digits; JSON has none that are not finite."""
    return [float(f"{v:.5g}") if math.isfinite(v) else None for v in values.astype(float)]
