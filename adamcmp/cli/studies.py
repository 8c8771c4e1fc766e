"""``adamcmp study`` and ``adamcmp extend``."""

from __future__ import annotations

import argparse

from adamcmp.cli._common import add_results, results_root
from adamcmp.cli.browse import describe
from adamcmp.cli.planning import dry_run
from adamcmp.cli.train import add_training, report_sweep, train


def study(words: list[str]) -> int:
    """Train the grids of a study file, then fresh seeds of its winners; 1 when a run crashed."""
    parser = argparse.ArgumentParser(
        prog="adamcmp study",
        description="Train the grids of a study file, then fresh seeds of its winners.",
    )
    parser.add_argument("name", nargs="?", help="the file's name; none lists the files")
    parser.add_argument("words", nargs="*", metavar="WORD", help="words that win over the file's")
    parser.add_argument("--config-dir", "-cd", help="a folder of your own yaml files")
    parser.add_argument("--scale", help="a size of the study that the file names, such as smoke")
    add_training(parser)
    parser.set_defaults(whole_plan=True)
    options = parser.parse_intermixed_args(words)
    from adamcmp.config import Composer, compose_study, read_study, study_files

    if options.name is None:
        for name, path in study_files(options.config_dir).items():
            print(f"{name:<16} {describe(path)}")
        return 0
    file = read_study(options.name, options.config_dir, options.scale)
    composer = Composer(options.config_dir)
    name = options.name if not file.scales.get(options.scale) else f"{options.name}-{options.scale}"
    config = compose_study(composer, name, file, options.words)
    if options.dry_run:
        return dry_run(lambda: config, options)
    from adamcmp.followup import fresh_seeds
    from adamcmp.study import Workers

    with Workers() as workers:
        done = [train(config, options, workers)]
        if file.select is not None and not done[0].elsewhere:
            second = fresh_seeds(config, done[0].folder, done[0].specs, file.select)
            done.append(train(second, options, workers))
    return max([report_sweep(stage, options.json) for stage in done])


def extend(words: list[str]) -> int:
    """Train the cells beyond edges on which an optimizer's best setting lies."""
    parser = argparse.ArgumentParser(
        prog="adamcmp extend",
        description="Where an optimizer's best lr or wd is the last of its grid, train the cells "
        "beyond, in that grid's own spacing.",
    )
    parser.add_argument("study", help="its name")
    add_training(parser)
    add_results(parser)
    options = parser.parse_args(words)
    from adamcmp.followup import beyond_edges
    from adamcmp.frame import study_folder

    config, edges = beyond_edges(study_folder(results_root(options), options.study))
    if not edges:
        print("No optimizer's best setting lies on the edge of its grid.")
        return 0
    if not options.json:
        for edge in edges:
            print(
                f"{edge.optimizer} on {edge.problem}: best {edge.axis} {edge.best:g} is on the "
                f"edge of its grid: {edge.axis} {edge.beyond:g} is added"
            )
    if options.dry_run:
        return dry_run(lambda: config, options)
    done = train(config, options)
    return report_sweep(done, options.json)
