"""Profile published models at full size on one device, without their weights and without a network.

    python -m executor.survey --out DIR

builds FLUX.1-dev, SD3-medium and Qwen-Image from their configurations with random weights, times encoding, denoising steps
and decoding on one device, and one member's share of steps on groups of 2, 4 and 8, and writes a profile of each, with a
table beside published times. Everything found is written down at once: the same command goes on where it was interrupted, or
where ``--minutes`` were over. The profiles are read by every command that takes one.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from executor.measure.emulation import priced
from executor.measure.options import ASSUMED, DEGREES, check_day, counts, shapes
from executor.models.spec import ModelError
from executor.survey import report
from executor.survey.file import Setting, SurveyFile
from executor.survey.items import MODELS, Published, SurveyItem, items_of
from executor.survey.profile import profile_of
from profiles.command_line import Parser, count, positive, whole
from profiles.entries import LOCAL
from profiles.shape import Shape
from profiles.store import save_profile

FILE = "survey.jsonl"
"""In the folder of a survey: all that was timed."""

SHAPES = tuple(Shape(side, side) for side in (256, 512, 768, 1024, 1536, 2048))
"""Surveyed unless told otherwise."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, time, write profiles and tables; the exit code is 3 if ``--minutes`` were over before everything was timed."""
    try:
        given = _parser().parse_args(arguments)
        _check(given)
        if given.remake:
            return _remake(given, SurveyFile(given.out / FILE, None))
        setting = _setting(given)
        given.out.mkdir(parents=True, exist_ok=True)
        return _survey(given, SurveyFile(given.out / FILE, setting))
    except (OSError, ValueError, ModelError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _check(given: argparse.Namespace) -> None:
    families = [model.family for model in MODELS]
    unknown = [name for name in given.models if name not in families]
    if unknown:
        raise ValueError(f"--models has {', '.join(unknown)}; there are {', '.join(families)}")
    for option in ("degrees", "batches"):
        if 1 not in getattr(given, option):
            raise ValueError(f"--{option} lacks 1, which every profile needs")
    if given.repeats < 2:
        raise ValueError(f"--repeats is {given.repeats}; a spread needs at least 2")
    if given.link == LOCAL:
        raise ValueError(f"--link is {LOCAL}, the link of one device; name the one between several")
    check_day(given.date)


def _remake(given: argparse.Namespace, found: SurveyFile) -> int:
    for model in MODELS:
        _write(given, model, list(items_of(model, given.shapes, given.degrees, given.batches)), found)
    return 0


def _setting(given: argparse.Namespace) -> Setting:
    """Return what this survey has in common; ``given.device`` is filled in."""
    missing = [name for name in ("torch", "diffusers") if find_spec(name) is None]
    if missing:
        raise ValueError(f'surveying needs {" and ".join(missing)}; install the extra: pip install -e ".[executor]"')
    import torch

    from executor.sequence.divert import active_backend

    gpu = torch.cuda.is_available()
    given.device = given.device or ("cuda" if gpu else "cpu")
    if given.device == "cuda" and not gpu:
        raise ValueError("--device is cuda, but torch finds no GPU; use cpu")
    if given.graphs and given.device != "cuda":
        raise ValueError("--graphs needs a GPU; on a CPU there are none")
    name = torch.cuda.get_device_name(0) if given.device == "cuda" else f"CPU ({platform.machine()})"
    software = ", ".join(f"{package} {version(package)}" for package in ("torch", "diffusers"))
    mode = "_".join(name for name, on in (("compiled", given.compile), ("graphs", given.graphs)) if on) or "eager"
    return Setting(name, given.dtype, given.width, mode, software, active_backend())


def _survey(given: argparse.Namespace, found: SurveyFile) -> int:
    from executor.measure.bench import Repeats
    from executor.survey.timing import time_items

    until = time.monotonic() + 60 * given.minutes
    repeats = Repeats(given.repeats, warmup=given.warmup, enough=given.enough)
    left = 0
    for model in MODELS:
        if model.family not in given.models:
            continue
        items = list(items_of(model, given.shapes, given.degrees, given.batches))
        waiting = [item for item in items if item.key not in found.timings]
        print(f"{model.label}: {len(waiting)} of {len(items)} to time on {found.setting.device}", flush=True)
        folder = given.out / "configurations" / model.family
        try:
            for item, timing in time_items(
                model, waiting, folder, given.device, found.setting, repeats, lambda: time.monotonic() < until
            ):
                found.add(item, timing)
                print(_line(item, found), flush=True)
        finally:
            _write(given, model, items, found)
        left += sum(item.key not in found.timings for item in items)
    if left:
        print(f"{given.minutes:g} minutes are over; {left} are left: give the same command again")
    return 3 if left else 0


def _write(given: argparse.Namespace, model: Published, items: Sequence[SurveyItem], found: SurveyFile) -> None:
    """Write the profile of what was found of a model so far, and its table."""
    assumed = ASSUMED["cpu" if found.setting.device.startswith("CPU") else "cuda"]
    costs = priced(None, assumed, given.bandwidth, given.latency)
    profile = profile_of(model, items, found.timings, found.setting, costs, given.link, given.date)
    if profile is None:
        return
    save_profile(profile, given.out / f"{profile.name}.json")
    text = report.write(profile, given.out)
    print(f"{profile.name}: {len(profile.entries)} step times, {len(profile.shapes)} shapes\n{text}", flush=True)


def _line(item: SurveyItem, found: SurveyFile) -> str:
    timing = found.timings[item.key]
    what = f"  {item.kind:<6} {item.shape.label:>9} degree {item.degree} batch {item.batch}"
    if timing.error:
        return f"{what}  {timing.error}"
    median = statistics.median(timing.seconds)
    return f"{what}  {1e3 * median:>9.2f} ms  {len(timing.seconds):>2} times  {timing.peak / 2**30:>5.1f} GiB"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m executor.survey",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder; one with an unfinished survey is gone on with")
    parser.add_argument("--models", type=lambda text: text.split(","), default=[model.family for model in MODELS])
    parser.add_argument("--shapes", type=shapes, default=SHAPES, help="by default 256 to 2048 pixels a side")
    parser.add_argument("--degrees", type=counts, default=DEGREES, help="by default 1,2,4,8; all but 1 are emulated")
    parser.add_argument("--batches", type=counts, default=(1, 2, 4), help="by default 1,2,4")
    parser.add_argument("--remake", action="store_true", help="profiles and tables of what was found; nothing is timed")
    parser.add_argument("--minutes", type=positive, default=8.0, help="begin nothing after so many")
    parser.add_argument("--repeats", type=count, default=10, help="times that count, at most")
    parser.add_argument("--warmup", type=whole, default=1, help="times before them")
    parser.add_argument("--enough", type=positive, default=1.5, help="seconds of counted times after which two suffice")
    parser.add_argument("--width", choices=("full", "small", "tiny"), default="full", help="narrower to rehearse")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="by default cuda where torch finds a GPU")
    parser.add_argument(
        "--graphs", action="store_true", help="replay steps as CUDA graphs: no time of the host's in them"
    )
    parser.add_argument(
        "--compile", action="store_true", help="compile the transformer's blocks, as engine.compile does"
    )
    parser.add_argument("--dtype", choices=("bfloat16", "float16", "float32"), default="bfloat16")
    parser.add_argument("--link", default="nvlink", help="link class of the emulated groups")
    parser.add_argument("--bandwidth", type=positive, help="GB/s a member sends; without it, assumed")
    parser.add_argument("--latency", type=positive, help="microseconds a collective; without it, assumed")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="ISO day, for provenance")
    return parser


if __name__ == "__main__":
    sys.exit(main())
