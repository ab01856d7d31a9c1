"""The picture of capacities: a row per policy, a panel per setting, a mark per target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from experiments.drawing.palette import BOUND, INK, SOFT, colour_of, fan, style


class Ranged(Protocol):
    """What is drawn of a search (:class:`experiments.studies.search.Capacity`)."""

    @property
    def value(self) -> float: ...  # noqa: D102
    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102


def draw_capacity(
    found: Sequence[tuple[str, str, float, Ranged]], label: str, path: Path, limit: str = "", log: bool = False
) -> None:
    """Draw what was found, with the range that seeds leave open.

    Parameters
    ----------
    found
        Setting, policy, target and capacity of every search.
    label
        Of what was sought, with its unit.
    path
        Of the picture.
    limit
        Name of the policy that is drawn as a line that the others cannot pass.
    log
        Whether the axis is logarithmic.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import StrMethodFormatter

    settings = list(dict.fromkeys(setting for setting, *_ in found))
    policies = list(dict.fromkeys(policy for _, policy, *_ in found if policy != limit))
    targets = sorted({target for *_, target, _ in found})
    columns = min(3, len(settings))
    rows = math.ceil(len(settings) / columns)
    figure = Figure(
        figsize=(2.0 + 3.4 * columns, 1.1 + (0.6 + 0.3 * len(policies)) * rows), dpi=150, layout="constrained"
    )
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True, sharex=log)
    for axes in panels.flat[len(settings) :]:
        axes.set_visible(False)
    for setting, axes in zip(settings, panels.flat, strict=False):
        style(axes, policies)
        axes.set_title(setting if len(settings) > 1 else "", loc="left", fontsize=9, color=INK)
        axes.set_xlabel(label, color=SOFT, fontsize=9)
        if log:
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.tick_params(labelbottom=True)  # also above another panel
        if all(math.isnan(capacity.value) for own, *_, capacity in found if own == setting):
            axes.set_xticks([])
        for own, policy, target, capacity in found:
            if own != setting:
                continue
            at = targets.index(target)
            if math.isnan(capacity.value):
                if policy != limit:
                    row = policies.index(policy) + fan(at, len(targets), 0.4)
                    text = f"never {target:.0%}"
                    axes.text(
                        0.01, row, text, color=SOFT, fontsize=7, va="center", transform=axes.get_yaxis_transform(),
                        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6}, zorder=4,
                    )  # fmt: skip
                continue
            if policy == limit:
                axes.axvline(
                    capacity.value,
                    color=BOUND,
                    linewidth=1.4,
                    linestyle=_LINES[at % len(_LINES)],
                    gid=f"{own}/{limit}/{target}",
                )
                continue
            low, high = (end if math.isfinite(end) and end else capacity.value for end in (capacity.low, capacity.high))
            row = policies.index(policy) + fan(at, len(targets), 0.4)
            axes.plot([low, high], [row, row], color=colour_of(policy, policies), linewidth=1.2)
            axes.plot(
                capacity.value, row, marker=_MARKS[at % len(_MARKS)], color=colour_of(policy, policies), markersize=5.5,
                linestyle="none", gid=f"{own}/{policy}/{target}", zorder=4,
            )  # fmt: skip
    for axes in panels.flat[: 0 if log else len(settings)]:
        axes.set_xlim(right=1.03 * axes.get_xlim()[1])  # a limit at the end is seen whole
    entries = []
    for at, target in enumerate(targets):
        mark, line = _MARKS[at % len(_MARKS)], _LINES[at % len(_LINES)]
        entries.append(Line2D([], [], color=SOFT, marker=mark, linestyle="none", label=f"{target:.0%} on time"))
        if any(policy == limit for _, policy, *_ in found):
            entries.append(Line2D([], [], color=BOUND, linestyle=line, label=f"{limit}, {target:.0%}"))
    figure.legend(handles=entries, loc="outside upper center", ncols=min(4, len(entries)), frameon=False, fontsize=9)
    figure.savefig(path)


_MARKS = "oDs^"
_LINES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")
"""By target."""
