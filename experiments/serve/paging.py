"""Lists in pages, as clients ask for them: ``limit``, ``after`` and ``order``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from experiments.serve.errors import RefusalError

LIMIT, MOST = 20, 100
"""Entries of a page unless told otherwise, and at most."""


class Page(NamedTuple):
    """A part of a list.

    Parameters
    ----------
    names
        Of what is on it.
    more
        Whether others come after them.
    """

    names: list[str]
    more: bool


def page_of(names: Sequence[str], query: Mapping[str, str]) -> Page:
    """Return the page that a query asks for.

    Parameters
    ----------
    names
        Of all entries, the oldest first.
    query
        ``limit`` entries, 1 to `MOST`; those ``after`` a name; ``order`` ``desc`` (the newest first) or ``asc``.

    Raises
    ------
    RefusalError
        If a value is none of these; it names the field.
    """
    limit, order, after = query.get("limit", str(LIMIT)), query.get("order", "desc"), query.get("after")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MOST):
        raise RefusalError(400, f"limit is {limit[:60]!r}; use a whole number from 1 to {MOST}", "limit")
    if order not in ("asc", "desc"):
        raise RefusalError(400, f"order is {order[:60]!r}; use 'asc' or 'desc'", "order")
    listed = list(names) if order == "asc" else list(reversed(names))
    if after is not None:
        if after not in listed:
            raise RefusalError(404, f"after is {after[:60]!r}, which is not in the list", "after", "not_found")
        listed = listed[listed.index(after) + 1 :]
    return Page(listed[: int(limit)], len(listed) > int(limit))
