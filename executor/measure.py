"""Make a profile from the hardware at hand.

    python -m executor.measure MODEL --workers 2 --shapes 64x64,128x128 --out tiny.json

times steps by shape, degree and batch, text encoding, decoding and the change of groups, on the workers that will
serve; the profile it writes is read by every command that takes one. ``--emulate 2,4,8`` adds degrees for which there
are no devices: one member's share is timed, its communication counted and priced with ``--bandwidth`` and
``--latency``; such entries say that they are extrapolated.
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from planner.cluster import Cluster
from profiles.entries import StepEntry
from profiles.profile import Profile
from profiles.shape import Shape
from profiles.store import save_profile


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a table, write the profile."""
    options = _parser().parse_args(arguments)
    from rich.console import Console
    from rich.progress import Progress

    from executor.distributed.config import EngineConfig
    from executor.distributed.measuring import Grid, LinkModel, emulate, measure, points
    from executor.distributed.models.spec import ModelSpec

    edges = tuple((f"gpu{gpu}", "switch", options.link) for gpu in range(options.workers))
    name = options.name or f"{options.model.name}_{options.device}"
    cluster = Cluster(name, options.workers, edges, (options.link,), degrees=options.degrees)
    inputs = dict(pair.split("=", 1) for pair in options.input)
    spec = ModelSpec(
        options.model,
        options.dtype,
        "random" if options.random_weights else "load",
        inputs={key: int(value) if value.lstrip("-").isdigit() else value for key, value in inputs.items()},
    )
    config = EngineConfig(spec, device=options.device, threads=options.threads)
    grid = Grid(options.shapes, options.batches, options.repeats, options.warmup, options.date)
    beyond = tuple(degree for degree in options.emulate if degree not in cluster.degrees)
    total = len(points(cluster, grid)) + len(grid.shapes) * len(grid.batches) * len(beyond)
    console = Console()
    with Progress(console=console) as progress:
        task = progress.add_task("measuring", total=total)
        profile = measure(config, cluster, grid, name, lambda entry: progress.advance(task))
        emulated: list[StepEntry] = []
        costs = LinkModel(options.bandwidth * 1e9, options.latency * 1e-6)
        for entry in emulate(config, grid, beyond, options.link, costs) if beyond else ():
            emulated.append(entry)
            progress.advance(task)
    profile = Profile(
        name,
        profile.model,
        profile.hardware,
        profile.links,
        options.steps,
        profile.entries + tuple(emulated),
        profile.stages,
        profile.notes,
    )
    save_profile(profile, options.out)
    console.print(table(profile), highlight=False)
    console.print(f"{profile.notes}\nwritten to {options.out}", highlight=False)


def table(profile: Profile) -> str:
    """Return step times and stages as a fixed-width table."""
    lines = [f"{'shape':<14} {'degree':>6} {'batch':>5} {'link':<8} {'ms/step':>9} {'spread':>7}  provenance"]
    lines += [
        f"{e.shape.label:<14} {e.degree:>6} {e.batch:>5} {e.link:<8} {1e3 * e.seconds:>9.2f} {e.spread:>7.1%}  "
        f"{e.provenance}"
        for e in profile.entries
    ]
    lines += [
        f"{s.shape.label:<14} {'':>6} {'':>5} {s.stage:<8} {1e3 * s.seconds:>9.2f} {'':>7}  {s.provenance}"
        for s in profile.stages
    ]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m executor.measure", description="Measure a latency profile.")
    parser.add_argument("model", type=Path, help="folder that diffusers saved")
    parser.add_argument("--out", type=Path, required=True, help="where the profile goes (JSON)")
    parser.add_argument("--name", help="of the profile; by default the folder's and the device's")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--workers", type=int, default=2, help="devices, or processes on a CPU")
    parser.add_argument("--degrees", type=_integers, default=(1, 2, 4, 8), help="group sizes, for example 1,2,4")
    parser.add_argument("--shapes", type=_shapes, required=True, help="for example 256x256,512x512")
    parser.add_argument("--batches", type=_integers, default=(1,), help="for example 1,2,4")
    parser.add_argument("--repeats", type=int, default=10, help="steps that count")
    parser.add_argument("--warmup", type=int, default=2, help="steps before them")
    parser.add_argument("--steps", type=int, default=50, help="denoising steps of a request that does not say")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="float32")
    parser.add_argument("--random-weights", action="store_true", help="from the configurations alone")
    parser.add_argument("--input", action="append", default=[], metavar="NAME=VALUE", help="a pipeline input")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each worker")
    parser.add_argument("--link", default="nvlink", help="link class between the devices")
    parser.add_argument("--emulate", type=_integers, default=(), help="further degrees, for example 4,8")
    parser.add_argument("--bandwidth", type=float, default=100.0, help="GB/s a member sends, for --emulate")
    parser.add_argument("--latency", type=float, default=20.0, help="microseconds a collective, for --emulate")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="ISO day, for provenance")
    return parser


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _shapes(text: str) -> tuple[Shape, ...]:
    return tuple(Shape.parse(part) for part in text.split(","))


if __name__ == "__main__":
    main()
