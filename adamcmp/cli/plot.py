"""``adamcmp plot``: one plot of one or several studies, into a file."""

from __future__ import annotations

from adamcmp.cli import _completers
from adamcmp.cli._options import add_results, results_root
from adamcmp.cli._parser import Parser, paths
from adamcmp.cli._terminal import notify, shown_if_slow, wrapped

PLOT_OPTIONS = {
    "metric": "metric to draw, such as test_loss",
    "x": "horizontal axis",
    "y": "vertical axis",
    "hue": "column shown by color; several as in optimizer,schedule",
    "facet": "column with one panel per value, such as schedule or study",
}
EXAMPLES = """\
examples:
  adamcmp plot                                        list the plots
  adamcmp plot heatmap first --out heatmap.pdf
  adamcmp plot learning_curves first --hue lr --where "lr > 0.001"
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "plot", "Draw one plot into a file.\nWithout arguments, list the plots.", EXAMPLES
    )
    parser.add_argument(
        "name",
        nargs="?",
        metavar="PLOT",
        help="name of a plot, or a Python file of yours that defines data and draw",
        completer=_completers.plots,
    )
    parser.add_argument(
        "study",
        nargs="*",
        metavar="STUDY",
        help="studies to draw together (default: the latest)",
        completer=_completers.studies,
    )
    parser.add_argument(
        "--where", metavar="QUERY", help='draw only the runs that match, such as "lr > 0.01"'
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="png, svg or pdf file (default: STUDY/report/PLOT.png; with --where or another "
        "option, in a subfolder that is named after it)",
        completer=paths,
    )
    for option, text in PLOT_OPTIONS.items():
        completer = _completers.metrics if option == "metric" else None
        parser.add_argument(f"--{option}", help=text, completer=completer)
    add_results(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Draw a plot, or list the plots."""
    options = parser().parse(arguments)
    from adamcmp.plots import find_plot
    from adamcmp.workflows.plot import draw_plot, list_plots
    from adamcmp.workflows.report import study_folders

    if options.name is None:
        for name, description in list_plots().items():
            print(wrapped(f"{name:<16} {description}", " " * 17))
        return 0
    find_plot(options.name)  # a wrong name is named before a missing study
    plot_options = {k: v for k in PLOT_OPTIONS if (v := getattr(options, k)) is not None}
    folders = study_folders(results_root(options), options.study)
    with shown_if_slow(f"drawing {options.name}"):
        file = draw_plot(options.name, folders, options.out, options.where, plot_options, notify)
    print(file)
    return 0
