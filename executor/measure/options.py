"""The command line of ``python -m executor.measure``, checked before anything starts. No torch here."""

from __future__ import annotations

import argparse
import datetime
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from executor.distributed.config import CPU_WORKERS, LINKS, EngineConfig
from executor.measure.grid import Grid
from executor.models.shapes import check_shape
from executor.models.spec import ModelError, ModelSpec
from planner.cluster import Cluster
from profiles.shape import Shape

DEGREES = (1, 2, 4, 8)
"""Group sizes that are measured unless told otherwise, as far as there are workers."""

ASSUMED = {"cpu": (1.0, 200.0), "cuda": (100.0, 20.0)}
"""GB/s and microseconds of a collective, by device, where none can be measured and none is given."""


@dataclass(frozen=True)
class Options:
    """What is measured, all of it checked.

    Parameters
    ----------
    out
        File of the profile.
    name, steps
        Of the profile.
    config, cluster, grid
        As `executor.measure.steps.measure` takes them.
    emulate
        Degrees to emulate, none of which is measured.
    link
        Link class of the cluster.
    bandwidth, latency
        GB/s and microseconds of a collective, where given.
    assumed
        The same, for what is neither given nor measured.
    """

    out: Path
    name: str
    steps: int
    config: EngineConfig
    cluster: Cluster
    grid: Grid
    emulate: tuple[int, ...]
    link: str
    bandwidth: float | None
    latency: float | None
    assumed: tuple[float, float]


def parse(arguments: Sequence[str] | None) -> Options:
    """Read and check the command line; a mistake ends the program with exit code 2 and a message that names it."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        return _options(given)
    except (ModelError, ValueError) as error:
        parser.error(str(error))


def _options(given: argparse.Namespace) -> Options:
    missing = [name for name in ("torch", "diffusers") if find_spec(name) is None]
    if missing:
        raise ValueError(f'measuring needs {" and ".join(missing)}; install the extra: pip install -e ".[executor]"')
    _check_model(given.model)
    _check_out(given.out)
    _choose_device(given)
    for flag in ("workers", "threads", "steps"):
        if getattr(given, flag) < 1:
            raise ValueError(f"--{flag} is {getattr(given, flag)}; at least 1 is needed")
    for flag in ("bandwidth", "latency"):
        value = getattr(given, flag)
        if value is not None and not 0 < value < float("inf"):
            raise ValueError(f"--{flag} is {value:g}; it must be a positive number")
    check_day(given.date)
    if given.device == "cuda":
        _check_devices(given.workers)
    degrees, emulate = _degrees(given)
    if given.link == "local":
        raise ValueError(f"--link is {given.link!r}; 'local' is the link of one device, name the one between several")
    for shape in given.shapes:
        check_shape(given.model, shape, max((*degrees, *emulate)))
    edges = tuple((f"gpu{gpu}", "switch", given.link) for gpu in range(given.workers))
    name = given.name or f"{given.model.name}_{given.device}"
    weights: Any = "random" if given.random_weights else "load"
    spec = ModelSpec(given.model, given.dtype, weights, inputs=dict(given.input), vae_tiling=given.vae_tiling)
    return Options(
        given.out,
        name,
        given.steps,
        # Measuring makes files, as a run does, and keeps none.
        EngineConfig(spec, device=given.device, threads=given.threads, images=Path(gettempdir())),
        Cluster(name, given.workers, edges, (given.link,), degrees=degrees),
        Grid(given.shapes, given.batches, given.repeats, given.warmup, given.date),
        emulate,
        given.link,
        given.bandwidth,
        given.latency,
        ASSUMED[given.device],
    )


def _degrees(given: argparse.Namespace) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the degrees to measure and those to emulate."""
    workers = given.workers
    degrees = tuple(d for d in DEGREES if d <= workers) if given.degrees is None else given.degrees
    beyond = [degree for degree in degrees if degree > workers]
    if beyond:
        raise ValueError(
            f"--degrees has {_listed(beyond)}, but --workers is {workers}; a group has at most as many members as there "
            f"are workers: start more, or --emulate {_listed(beyond)}"
        )
    if 1 not in degrees:
        raise ValueError(f"--degrees is {_listed(degrees)}; it must have 1, which every profile needs")
    if 1 in given.emulate:
        raise ValueError(f"--emulate is {_listed(given.emulate)}; degree 1 needs no emulation, it is measured")
    return degrees, tuple(degree for degree in given.emulate if degree not in degrees)


def _choose_device(given: argparse.Namespace) -> None:
    """Fill in what follows from the hardware: device, workers, link between them."""
    import torch

    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    given.device = given.device or ("cuda" if found else "cpu")
    if given.workers is None:
        given.workers = found if given.device == "cuda" and found else CPU_WORKERS
    given.link = given.link or LINKS[given.device]


def _check_model(folder: Path) -> None:
    why = None
    if not folder.exists():
        why = "which does not exist"
    elif not (folder / "model_index.json").is_file():
        why = "which has no model_index.json"
    if why is not None:
        raise ValueError(
            f"MODEL is {str(folder)!r}, {why}; give a folder that diffusers saved, or build a small one: "
            "python -m executor.models.random_models flux FOLDER"
        )


def _check_out(out: Path) -> None:
    folder = out.parent
    if out.is_dir():
        raise ValueError(f"--out is {str(out)!r}, which is a folder; give the name of a file")
    if not folder.is_dir():
        raise ValueError(f"--out is {str(out)!r}, but there is no folder {str(folder)!r}; make it first")
    if not os.access(out if out.exists() else folder, os.W_OK):
        raise ValueError(f"--out is {str(out)!r}, which cannot be written; give a file that can")


def _check_devices(workers: int) -> None:
    import torch

    if workers > torch.cuda.device_count():
        raise ValueError(
            f"--workers is {workers}, but torch finds {torch.cuda.device_count()} GPUs; each worker needs its own, "
            "or use --device cpu"
        )


def check_day(text: str) -> None:
    """Raise ValueError unless a text is an ISO day."""
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--date is {text!r}; it must be an ISO day such as 2026-01-31") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m executor.measure", description="Measure a latency profile.")
    parser.add_argument("model", metavar="MODEL", type=Path, help="folder that diffusers saved")
    parser.add_argument("--out", type=Path, required=True, help="where the profile goes (JSON)")
    parser.add_argument("--name", help="of the profile; by default the folder's and the device's")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="by default cuda where torch finds a GPU")
    parser.add_argument("--workers", type=int, help="by default one per GPU, or two processes on a CPU")
    parser.add_argument("--degrees", type=counts, help="group sizes, for example 1,2,4; by default all up to --workers")
    parser.add_argument("--shapes", type=shapes, required=True, help="for example 256x256,512x512")
    parser.add_argument("--batches", type=counts, default=(1,), help="for example 1,2,4")
    parser.add_argument("--repeats", type=int, default=10, help="steps, and collectives, that count")
    parser.add_argument("--warmup", type=int, default=2, help="those before them, which do not")
    parser.add_argument("--steps", type=int, default=50, help="denoising steps of a request that does not say")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="float32")
    parser.add_argument("--random-weights", action="store_true", help="from the configurations alone")
    parser.add_argument("--vae-tiling", action="store_true", help="decode tile by tile, as engine.vae_tiling=true")
    parser.add_argument(
        "--input", type=_input, action="append", default=[], metavar="NAME=VALUE", help="a pipeline input"
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each worker")
    parser.add_argument("--link", help="link class between the devices; by default nvlink, or cpu")
    parser.add_argument("--emulate", type=counts, default=(), help="further degrees, for example 4,8")
    parser.add_argument(
        "--bandwidth", type=float, help="GB/s a member sends, for --emulate; by default as measured on groups here"
    )
    parser.add_argument("--latency", type=float, help="microseconds a collective, likewise")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="ISO day, for provenance")
    return parser


def counts(text: str) -> tuple[int, ...]:
    """Read whole numbers from 1, ascending and each once, as the type of an option."""
    try:
        found = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        found = ()
    if not found or found[0] < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers from 1, such as 1,2,4")
    return found


def shapes(text: str) -> tuple[Shape, ...]:
    """Read shapes, each once, as the type of an option."""
    try:
        return tuple(dict.fromkeys(Shape.parse(part) for part in text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _input(text: str) -> tuple[str, int | str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as max_sequence_length=64")
    return name, int(value) if value.lstrip("-").isdigit() else value


def _listed(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))
