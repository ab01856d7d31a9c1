"""A measured profile as text: steps and stages, then what groups, collectives and changes of group take."""

from __future__ import annotations

from collections.abc import Sequence

from profiles.communication import OPERATIONS, Communication
from profiles.profile import Profile

_UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))


def table(profile: Profile) -> str:
    """Return the tables, each with a line of headings, of fixed width."""
    parts = [_steps(profile)]
    talk = profile.communication
    if talk.collectives:
        parts.append(_collectives(talk))
        parts.append(_models(talk))
    if talk.groups or talk.regroups:
        parts.append(_groups(talk))
    return "\n\n".join(parts)


def size(count: float) -> str:
    """Return a number of bytes in words, such as ``4 KiB``."""
    unit, name = next((unit, name) for unit, name in _UNITS if count >= unit or unit == 1)
    return f"{count / unit:.3g} {name}"


def _steps(profile: Profile) -> str:
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


def _collectives(talk: Communication) -> str:
    """Microseconds by bytes that a member sends, a column for each operation, degree and link."""
    columns = [
        (operation, degree, link)
        for link in dict.fromkeys(entry.link for entry in talk.collectives)
        for degree in talk.degrees(link)
        for operation in OPERATIONS
    ]
    found = {(e.operation, e.degree, e.link, e.sent): 1e6 * e.seconds for e in talk.collectives}
    heads = [f"{operation} {degree} {link}" for operation, degree, link in columns]
    lines = [f"{'us, sent':<10}" + "".join(f"  {head:>20}" for head in heads)]
    for sent in sorted({entry.sent for entry in talk.collectives}):
        cells = [found.get((*column, sent)) for column in columns]
        lines.append(f"{size(sent):<10}" + "".join(f"  {'-' if us is None else f'{us:.0f}':>20}" for us in cells))
    return "\n".join(lines)


def _models(talk: Communication) -> str:
    lines: list[str] = []
    for link in dict.fromkeys(entry.link for entry in talk.collectives):
        for degree in talk.degrees(link):
            model = talk.model(link, degree)
            assert model is not None
            cost = f"{1e6 * model.latency:.3g} us and {model.bandwidth / 1e9:.3g} GB/s"
            lines.append(f"modelled: a collective of {degree} on {link} takes {cost}")
    return "\n".join(lines)


def _groups(talk: Communication) -> str:
    rows: Sequence[tuple[str, float, float, str]] = [
        *((f"make a group of {g.degree} on {g.link}", g.seconds, g.spread, size(g.memory)) for g in talk.groups),
        *((f"from a step on {r.before} to one on {r.after}", r.seconds, r.spread, "") for r in talk.regroups),
    ]
    lines = [f"{'group':<28} {'ms':>9} {'spread':>7}  memory a member"]
    lines += [f"{what:<28} {1e3 * s:>9.2f} {spread:>7.1%}  {memory}".rstrip() for what, s, spread, memory in rows]
    return "\n".join(lines)
