"""Other people's clients against a live server, as they are: ``make tables-clients`` writes docs/tables/clients.

Each sends its load to a server of its own, on eight emulated GPUs, and counts for itself how many of
its requests were on time; the table sets its count beside the server's. Clients are not installed with this project: each
option says how one is started; those that are not given are not run, and keep their rows.
"""

from __future__ import annotations

import argparse
import csv
import shlex
import subprocess
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from experiments.results.text import Table, markdown
from experiments.serve.journal import JOURNAL, read_journal
from tests.experiments.serve.foreign import Client, clients, options
from tests.experiments.serve.house import serving

_DOUBT = 0.05
"""Seconds that client and server may be apart in what they measure of one request."""


@dataclass(frozen=True)
class Outcome:
    """What a client and its server counted.

    Parameters
    ----------
    client, command
        Its name, and how it was called.
    sent, met
        Requests by the client, and those of them that it has as on time.
    arrived, on_time
        The same by the server, less the client's warm-up.
    theirs
        The deadline by which the client judges, in milliseconds after sending.
    doubtful
        Requests that the server delivered between the two deadlines, or within 50 ms of one; of videos, whose end a client
        learns when it asks, within the time between two questions.
    """

    client: str
    command: str
    sent: int
    met: int
    arrived: int
    on_time: int
    theirs: float
    doubtful: int


def run(client: Client) -> Outcome:
    """Let a client loose on a server of its own.

    Raises
    ------
    SystemExit
        If the client does not come to an end with a report.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder / "session", f"engine.speed={client.load.speed:g}", *client.load.overrides) as server:
            arguments = client.arguments(server.url, folder)
            command = [*shlex.split(client.start), *arguments]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
            server.stop()
        try:
            met, sent = client.count(folder)
        except (OSError, ValueError, KeyError) as error:
            raise SystemExit(f"{client.name}: {error!r}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}") from error
        records = read_journal(folder / "session" / JOURNAL).records
    speed = client.load.speed
    took = {r.id: (records.delivered[r.id] - r.arrival) / speed for r in records.requests if r.id in records.delivered}
    ours = client.load.slo_ms / 1e3
    theirs = ours if client.guess is None else client.guess * took[0]
    low, high = sorted((theirs, ours))
    late = (client.guess or 0.0) * client.poll
    counted = [r for r in records.requests if r.id >= client.warmups]
    told = shlex.join(arguments).replace(server.url, "URL").replace(f"{folder}/", "")
    return Outcome(
        client.name,
        f"{client.called} {told}",
        sent,
        met,
        len(counted),
        sum(records.fate(r) == "on_time" for r in counted),
        1e3 * theirs,
        sum(low - client.poll - _DOUBT <= took.get(r.id, 0.0) <= high + late + _DOUBT for r in counted),
    )


def earlier(path: Path) -> dict[str, Outcome]:
    """Read what clients counted before, by their names."""
    kinds = {"client": str, "command": str, "theirs": float}
    with path.open(newline="", encoding="utf-8") as file:
        made = [
            Outcome(**{name: kinds.get(name, int)(text) for name, text in row.items()}) for row in csv.DictReader(file)
        ]
    return {each.client: each for each in made}


def written(outcomes: list[Outcome]) -> Table:
    """Return the table of the documents."""
    table: Table = [
        ["client", "sent", "arrived", "its deadline ms", "on time by it", "by the server", "difference", "in doubt"]
    ]
    for each in outcomes:
        difference = f"{each.met - each.on_time:+d}" if each.met != each.on_time else "0"
        counts = (f"{n}" for n in (each.met, each.on_time))
        table.append(
            [
                each.client,
                f"{each.sent}",
                f"{each.arrived}",
                f"{each.theirs:.0f}",
                *counts,
                difference,
                f"{each.doubtful}",
            ]
        )
    return table


def main() -> None:
    """Run what is given, and write what was counted, the table and the commands."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    options(parser)
    chosen = parser.parse_args()
    runs = chosen.output / "runs.csv"
    found = earlier(runs) if runs.exists() else {}
    for client in clients(chosen):
        found[client.name] = run(client)
        print(markdown(written([found[client.name]])), flush=True)
    outcomes = [found[name] for name in sorted(found)]
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "table.md").write_text(markdown(written(outcomes)), encoding="utf-8")
    with runs.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, [each.name for each in fields(Outcome)], lineterminator="\n")
        rows.writeheader()
        rows.writerows(asdict(each) for each in outcomes)
    commands = "".join(f"# {each.client}\n{each.command}\n" for each in outcomes)
    (chosen.output / "commands.md").write_text(f"```text\n{commands}```\n", encoding="utf-8")


if __name__ == "__main__":
    main()
