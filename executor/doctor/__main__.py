"""Say what this machine has for runs on real workers: ``python -m executor.doctor``.

Versions, devices and their links, memory and limits; which published models fit in which type; and what would be refused,
with a remedy. The exit code is 1 if something would be.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from executor.doctor.findings import findings
from executor.doctor.machine import look
from profiles.command_line import Parser, guarded


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the findings; return the exit code."""
    return guarded(lambda: _command(arguments))


def _command(arguments: Sequence[str] | None) -> int:
    Parser(prog="python -m executor.doctor", description=__doc__).parse_args(arguments)
    found = findings(look())
    width = max(len(each.what) for each in found)
    for what, there, verdict, remedy in found:
        sign = {"ok": " ", "note": "-", "refused": "x"}[verdict]
        print(f"{sign} {what:<{width}}  {there}" + (f": {remedy}" if remedy else ""))
    refused = [each.what for each in found if each.verdict == "refused"]
    print(
        f"\nengine=distributed would be refused: {', '.join(refused)}"
        if refused
        else "\nengine=distributed can run here"
    )
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
