"""The command line: ``python -m profiles list | show | plot | compare | fit | check | build``."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from profiles.command_line import Parser, count, guarded, refuse_existing
from profiles.entries import PROVENANCES, ProfileError
from profiles.profile import Profile
from profiles.shape import Shape
from profiles.store import DATA, format_profile, list_profiles, load_profile, save_profile

_Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status, 2 after an error of the user's."""

    def command() -> int:
        given = _parser().parse_args(arguments)
        return int(given.run(given))

    return guarded(command)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m profiles",
        description="Latency profiles: seconds per denoising step by shape, GPUs, link class and batch.",
        epilog="NAME is a shipped profile, such as flux1-dev_h100, or the path of a JSON file.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _command(commands, "list", _list, "name the shipped profiles and what they cover")
    show = _command(commands, "show", _show, "print step times and scaling efficiency")
    plot = _command(commands, "plot", _plot, "draw step times and scaling efficiency")
    plot.add_argument("--output", metavar="FILE", help="where to write the figure (default: NAME.png)")
    for command in (show, plot):
        command.add_argument("name", metavar="NAME", help="a shipped profile, or the path of a JSON file")
        command.add_argument("--batch", type=count, default=1, help="requests that share a step (default: 1)")
    compare = _command(commands, "compare", _compare, "put the step times of two profiles side by side")
    for place in ("first", "second"):
        compare.add_argument(place, metavar="NAME", help="a shipped profile, or the path of a JSON file")
    compare.add_argument("--output", metavar="FILE", type=Path, help="a CSV file to write as well")
    check = _command(commands, "check", _check, "say whether a file is a valid profile, and if not, why")
    check.add_argument("file", metavar="FILE", type=Path, help="a JSON file")
    build = _command(commands, "build", _build, "regenerate shipped profiles from the published points")
    build.add_argument("names", metavar="NAME", nargs="*", help="which ones (default: all)")
    build.add_argument("--folder", type=Path, default=DATA, help="where to write them (default: the shipped ones)")
    _add_fit(commands)
    return parser


_WRITING = ("plot", "compare", "build", "fit")
"""Commands that write a file whose name the user gives."""


def _command(
    commands: argparse._SubParsersAction[Parser], name: str, run: _Command, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    if name in _WRITING:
        command.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    command.set_defaults(run=run)
    return command


def _add_fit(commands: argparse._SubParsersAction[Parser]) -> None:
    fit = _command(commands, "fit", _fit, "fit the model on step times and write a profile")
    fit.formatter_class = argparse.RawDescriptionHelpFormatter
    fit.description = (
        "Fit t = c0 + b F / (k P) + [k > 1] alpha + b V / B on the step times of a CSV file, print the "
        "constants\n"
        "with their error, and write a profile: known times where the file has them, the model elsewhere.\n\n"
        "The file needs the columns model, gpu, link, num_gpus, parallel, width, height, frames, step_s, "
        "kind and\n"
        "source; other columns are ignored. Rows of kind 'measured' become measured entries, others "
        "published."
    )
    fit.epilog = (
        "example:\n  python -m profiles fit my_times.csv --model FLUX.1-dev --gpu H200 --pin overhead=0.005 "
        "--output flux_h200.json"
    )
    fit.add_argument("points", metavar="POINTS.csv", type=Path, help="the step times")
    fit.add_argument("--model", required=True, help="as in the file, and a known architecture (FLUX.1-dev, ...)")
    fit.add_argument("--gpu", required=True, help="as in the file")
    fit.add_argument("--source", default="", help="take only rows whose source contains this text")
    fit.add_argument("--parallel", nargs="+", default=[], help="take only these kinds of parallelism")
    fit.add_argument("--forwards", type=count, help="forward passes a step (default: as the model's guidance needs)")
    fit.add_argument(
        "--pin",
        nargs="+",
        default=[],
        metavar="CONSTANT=VALUE",
        help="give constants instead of fitting them: overhead and sync in s, tflops in TFLOP/s, bandwidth in GB/s",
    )
    today = datetime.date.today().isoformat()
    fit.add_argument(
        "--shapes",
        nargs="+",
        type=_shape,
        default=[],
        help="shapes to give times for (default: those of the points)",
    )
    fit.add_argument(
        "--degrees",
        nargs="+",
        type=count,
        default=[],
        help="GPUs to give times for (default: those of the points)",
    )
    fit.add_argument("--batches", nargs="+", type=count, default=[1], help="batch sizes (default: 1)")
    fit.add_argument("--steps", type=count, default=50, help="steps of a request that does not say (default: 50)")
    fit.add_argument("--date", default=today, help="ISO day on which the times were measured (default: today)")
    fit.add_argument("--output", required=True, metavar="FILE", type=Path, help="the profile to write")


def _shape(text: str) -> Shape:
    try:
        return Shape.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _list(given: argparse.Namespace) -> int:
    from profiles.render import legend, overview

    _print(overview([load_profile(name) for name in list_profiles()]))
    _print(legend())
    return 0


def _show(given: argparse.Namespace) -> int:
    from profiles.render import details

    profile = load_profile(given.name)
    _need_batch(profile, given.batch)
    _print(details(profile, given.batch))
    return 0


def _plot(given: argparse.Namespace) -> int:
    from profiles.plot import plot_profile

    profile = load_profile(given.name)
    _need_batch(profile, given.batch)
    output = Path(given.output or f"{profile.name}.png")
    refuse_existing("--output", output, given.overwrite)
    plot_profile(profile, output, given.batch)
    print(f"wrote {output}")
    return 0


def _compare(given: argparse.Namespace) -> int:
    from profiles.compare import pairs, write
    from profiles.render import comparison

    first, second = load_profile(given.first), load_profile(given.second)
    found = list(pairs(first, second))
    if given.output is not None:
        refuse_existing("--output", given.output, given.overwrite)
        write(iter(found), given.output, (first.name, second.name))
    _print(comparison(found, first.name, second.name))
    return 0


def _check(given: argparse.Namespace) -> int:
    profile = load_profile(given.file)
    counts = {each: sum(entry.provenance == each for entry in profile.entries) for each in PROVENANCES}
    known = ", ".join(f"{count} {provenance}" for provenance, count in counts.items() if count)
    shapes = ", ".join(shape.label for shape in profile.shapes)
    print(f"OK  {profile.name}: {profile.model} on {profile.hardware}")
    print(f"    {len(profile.entries)} step times ({known}) of {shapes}; {len(profile.stages)} stage times")
    print(f"    digest {profile.digest[:16]}")
    return 0


def _build(given: argparse.Namespace) -> int:
    from profiles.build import build_profile
    from profiles.points import read_points
    from profiles.recipes import POINTS, RECIPES, find_recipe

    recipes = [find_recipe(name) for name in given.names or RECIPES]
    points = read_points(POINTS)
    for recipe in recipes:
        path, profile = given.folder / f"{recipe.name}.json", build_profile(recipe, points)
        if path.exists() and path.read_text(encoding="utf-8") != format_profile(profile):
            refuse_existing("--folder", path, given.overwrite)
        save_profile(profile, path)
        print(f"wrote {path}")
    return 0


def _fit(given: argparse.Namespace) -> int:
    from profiles.build import build_profile, fit_series
    from profiles.custom import parse_pins, recipe_from_points
    from profiles.points import read_points
    from profiles.render import fit_table

    refuse_existing("--output", given.output, given.overwrite)
    points = read_points(given.points)
    recipe = recipe_from_points(
        points,
        name=given.output.stem,
        model=given.model,
        gpu=given.gpu,
        date=given.date,
        source=given.source,
        parallel=tuple(given.parallel),
        forwards=given.forwards,
        pinned=parse_pins(given.pin),
        shapes=given.shapes,
        degrees=given.degrees,
        batches=given.batches,
        steps=given.steps,
    )
    _print(fit_table(recipe, fit_series(recipe, points)))
    save_profile(build_profile(recipe, points), given.output)
    print(f"wrote {given.output}")
    return 0


def _need_batch(profile: Profile, batch: int) -> None:
    held = sorted({entry.batch for entry in profile.entries})
    if batch not in held:
        raise ProfileError(f"profile {profile.name} has no batch {batch}; it has {', '.join(map(str, held))}")


def _print(renderable: object) -> None:
    from rich.console import Console

    Console().print(renderable)


if __name__ == "__main__":
    sys.exit(main())
