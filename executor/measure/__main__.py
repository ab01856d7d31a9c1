"""Make a profile from the hardware at hand.

    python -m executor.measure MODEL --workers 2 --shapes 64x64,128x128 --out tiny.json

times collectives by group, link and size, the making of groups and their memory, steps by shape, degree and batch, text
encoding, decoding and the change of groups, on the workers that will serve; the profile it writes is read by every
command that takes one. ``--emulate 2,4,8`` adds degrees for which there are no devices: one member's share is timed, its
communication counted, and priced by what collectives were measured to take, or by ``--bandwidth`` and ``--latency``. Every
entry says how it is known.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from executor.distributed.budget import Expected
from executor.measure.emulation import Priced, emulate, priced
from executor.measure.grid import groups_of, points
from executor.measure.options import Options, parse
from executor.measure.report import table
from profiles.communication import Communication
from profiles.entries import StepEntry
from profiles.profile import Profile
from profiles.store import save_profile


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, measure, print a table, write the profile; return the exit code."""
    options = parse(arguments)
    from rich.console import Console
    from rich.progress import Progress

    from executor.distributed.config import EngineError
    from executor.models.spec import ModelError

    console = Console()
    try:
        with Progress(console=console) as progress:
            task = progress.add_task("measuring", total=None)
            profile = _measure(
                options,
                lambda total: progress.update(task, total=total),
                lambda: progress.advance(task),
                lambda line: console.print(line, highlight=False, soft_wrap=True, markup=False),
            )
    except (EngineError, ModelError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    save_profile(profile, options.out)
    console.print(table(profile), highlight=False, soft_wrap=True)
    console.print(f"\n{profile.notes}\nwritten to {options.out}", highlight=False, soft_wrap=True)
    return 0


def _measure(
    options: Options, expect: Callable[[int], None], advance: Callable[[], None], say: Callable[[str], None]
) -> Profile:
    from executor.distributed.controller.crew import Crew
    from executor.measure.collectives import measure_collectives
    from executor.measure.steps import measure

    config, cluster, grid = options.config, options.cluster, options.grid
    groups = sum(group.degree > 1 for group in groups_of(cluster))
    expect(groups + len(points(cluster, grid)) + len(grid.shapes) * len(grid.batches) * len(options.emulate))
    talk = measure_collectives(config, cluster, grid, advance)
    expected = Expected.of(grid.shapes, grid.batches, talk.memory)
    with Crew(config, cluster, expected=expected, say=say) as crew:
        profile = measure(crew, grid, options.name, lambda entry: advance())
    talk = replace(talk, regroups=profile.communication.regroups)
    emulated: list[StepEntry] = []
    if options.emulate:
        for entry in emulate(config, grid, options.emulate, options.link, lambda d: _price(options, talk, d)):
            emulated.append(entry)
            advance()
    return replace(
        profile,
        steps=options.steps,
        entries=profile.entries + tuple(emulated),
        communication=talk,
        notes=_notes(profile, emulated),
    )


def _price(options: Options, talk: Communication, degree: int) -> Priced:
    """Return what communication of an emulated degree costs: as measured, unless the command line says otherwise."""
    measured = talk.model(options.link, degree)
    found = None
    if measured is not None:
        nearest = max(d for d in talk.degrees(options.link) if d <= degree)
        found = Priced(measured, f"measured at degree {nearest}")
    return priced(found, options.assumed, options.bandwidth, options.latency)


def _notes(profile: Profile, emulated: Sequence[StepEntry]) -> str:
    if not emulated:
        return profile.notes
    degrees = ", ".join(str(d) for d in sorted({entry.degree for entry in emulated}))
    return f"{profile.notes} Degrees {degrees} are emulated: one member's share timed, its communication modelled."


if __name__ == "__main__":
    sys.exit(main())
