"""All commands: ``python -m experiments``, or ``tetriplan``, lists them; with a name, it runs one.

``tetriplan run solver=cpsat`` is ``python -m experiments.run solver=cpsat``, and so for every other.
"""

from __future__ import annotations

import difflib
import runpy
import sys
from collections.abc import Mapping
from typing import NamedTuple


class Command(NamedTuple):
    """A command: the module that is run, and what it does in a few words."""

    module: str
    what: str


GROUPS: Mapping[str, Mapping[str, Command]] = {
    "Serve": {
        "run": Command("experiments.run", "serve a workload, in simulation or on real workers; -m sweeps values"),
        "collect": Command("experiments.collect", "put many runs into one table, and their requests into another"),
    },
    "Serve live": {
        "serve": Command("experiments.serve", "serve real clients over HTTP, with a deadline for every request"),
        "load": Command("experiments.load", "send a workload to any OpenAI-compatible server of images"),
        "replay": Command("experiments.replay", "what other policies, and the optimum, make of a live session"),
    },
    "Compare": {
        "compare": Command(
            "experiments.compare", "policies on the same requests; --rounds: optimal against greedy plans"
        ),
        "capacity": Command("experiments.capacity", "the highest rate, or the fewest GPUs, at which a target holds"),
        "bound": Command("experiments.bound", "what no schedule exceeds that knows all arrivals"),
        "regimes": Command("experiments.regimes", "where planning pays, and where it does not"),
        "foresight": Command("experiments.foresight", "what of the distance to the bound is owed to unknown arrivals"),
        "columns": Command("experiments.columns", "what of the distance to the bound is the bound's own"),
        "admission": Command("experiments.admission", "what promises at arrival are worth, and what refusing costs"),
        "prices": Command("experiments.prices", "what a price per GPU-second changes"),
        "decoding": Command("experiments.decoding", "where images are decoded, and what that changes"),
        "optimum": Command("experiments.optimum", "optimal schedules of a few requests, with proof"),
        "instances": Command("experiments.instances", "recorded rounds with proven values, as a benchmark for solvers"),
    },
    "Prepare and check": {
        "workload": Command("experiments.workload", "generate and check traces"),
        "profiles": Command("profiles", "list, show, plot and fit tables of step times"),
        "doctor": Command(
            "executor.doctor", "what this machine has for runs on real workers, and what would be refused"
        ),
        "fidelity": Command("experiments.fidelity", "real runs beside simulated ones"),
        "tune": Command("experiments.tune", "the best settings of every rule, on seeds that no table uses"),
        "budgets": Command("experiments.budgets", "whether decisions keep their budgets"),
        "growth": Command("experiments.growth", "how the time of a decision grows with requests and GPUs"),
        "figures": Command("paper_figs", "all figures and tables of the paper, and ours"),
        "docs": Command("experiments.docs", "put committed tables and numbers into the documents"),
    },
}
COMMANDS: Mapping[str, Command] = {name: command for group in GROUPS.values() for name, command in group.items()}


def main() -> None:
    """Entry point of ``tetriplan``."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(listing())
        sys.exit(0)
    name, *rest = arguments
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        guess = f"; did you mean {near[0]}?" if near else ""
        print(f"error: there is no command {name!r}{guess} The commands are: {', '.join(COMMANDS)}", file=sys.stderr)
        sys.exit(2)
    sys.argv = [name, *rest]
    runpy.run_module(COMMANDS[name].module, run_name="__main__", alter_sys=True)


def listing() -> str:
    """Return all commands with what they do."""
    lines = ["Tetriplan: serve Diffusion Transformers with deadlines on groups of GPUs, and compare who plans.", ""]
    for title, commands in GROUPS.items():
        lines += [f"{title}:", *(f"  {name:<10} {command.what}" for name, command in commands.items()), ""]
    return "\n".join([*lines, "tetriplan COMMAND --help explains one; python -m experiments.COMMAND is the same."])


if __name__ == "__main__":
    main()
