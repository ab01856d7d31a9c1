"""Jobs, spread over the cores of this machine or over the machines of a Ray cluster, with a bar that counts them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from experiments.studies.journal import Journal, job_of

T = TypeVar("T")
Work = Sequence[tuple[Any, ...]]
PLACES = ("cores", "ray")
RETRIES = 3
"""How often a job is begun again that was lost with its machine."""


def _as_it_is(result: Any) -> Any:
    return result


@dataclass(frozen=True)
class Jobs:
    """How jobs are done.

    Parameters
    ----------
    processes
        On this machine; -1 for one per core.
    on
        ``"cores"``, or ``"ray"``: the cluster of the environment variable ``RAY_ADDRESS``, the one that runs on this machine,
        or else a new one of this machine alone.
    journal
        Where finished jobs are kept; those that it has are not done again.
    on_result
        Called here with every new result, before it is kept; what it returns takes its place.
    """

    processes: int = -1
    on: str = "cores"
    journal: Journal | None = None
    on_result: Callable[[Any], Any] = _as_it_is

    def do(self, what: str, function: Callable[..., T], work: Work, result: type[T]) -> list[T]:
        """Call a function of a module with each tuple of arguments; return the results in the order of the work.

        Parameters
        ----------
        what
            For the bar.
        function, work
            Functions and arguments are sent to other processes: arguments are plain data and dataclasses.
        result
            What the function returns, a dataclass.
        """
        names = [job_of(function.__qualname__, arguments) for arguments in work] if self.journal is not None else []
        results: dict[int, T] = {}
        if self.journal is not None:
            for at, name in enumerate(names):
                if (found := self.journal.find(name, result)) is not None:
                    results[at] = found
        missing = [at for at in range(len(work)) if at not in results]
        with _bar(what, len(work), len(results)) as advance:
            for place, made in self._spread(function, [work[at] for at in missing]):
                at = missing[place]
                made = results[at] = self.on_result(made)
                if self.journal is not None:
                    self.journal.add(names[at], made)
                advance()
        return [results[at] for at in range(len(work))]

    def _spread(self, function: Callable[..., T], work: Work) -> Iterator[tuple[int, T]]:
        if self.processes == 1 and self.on == "cores":
            yield from ((at, function(*arguments)) for at, arguments in enumerate(work))
        elif work:
            yield from (_on_ray if self.on == "ray" else self._on_cores)(function, work)

    def _on_cores(self, function: Callable[..., T], work: Work) -> Iterator[tuple[int, T]]:
        from joblib import Parallel, delayed

        tasks = (delayed(_numbered)(at, function, arguments) for at, arguments in enumerate(work))
        with warnings.catch_warnings():  # those that others still do when one fails are given up; that is no news
            warnings.filterwarnings("ignore", "[0-9]+ tasks which were still being processed", UserWarning)
            yield from Parallel(n_jobs=self.processes, return_as="generator_unordered")(tasks)


def _numbered(at: int, function: Callable[..., T], arguments: tuple[Any, ...]) -> tuple[int, T]:
    return at, function(*arguments)


def _on_ray(function: Callable[..., T], work: Work) -> Iterator[tuple[int, T]]:
    try:
        import ray
    except ImportError:
        raise ValueError("--on is ray, which is not installed: pip install 'tetriplan[cluster]'") from None
    if not ray.is_initialized():
        ray.init(log_to_driver=False, logging_level="error")
    remote = ray.remote(max_retries=RETRIES)(function)
    pending = {remote.remote(*arguments): at for at, arguments in enumerate(work)}
    while pending:
        for done in ray.wait(list(pending))[0]:
            yield pending.pop(done), ray.get(done)


@contextmanager
def _bar(what: str, total: int, done: int) -> Iterator[Callable[[], None]]:
    """Show a bar on standard error, where that is a terminal; gives what advances it by one."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total, completed=done)
        yield lambda: progress.advance(task)
