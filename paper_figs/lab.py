"""What figures get their data from: composed configurations, cached runs on all cores, paired seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omegaconf import OmegaConf

from experiments.cli import compose
from experiments.studies.grid import Spread
from paper_figs.cache import Cache
from paper_figs.policies import BOUND, PROFILE, Policy
from paper_figs.sources import SCHEMA, digest
from paper_figs.table import Table, Value
from paper_figs.work import Task, bound, run

QUICK_REQUESTS = 100
BOUND_SECONDS = 40.0
"""Time for the clairvoyant bound of a run; past it, the proven bound found so far stands."""

Metric = Callable[[Mapping[str, Any]], float | None]


@dataclass(frozen=True)
class Point:
    """A cell of a sweep: what the table says about it, and the overrides that make it."""

    about: Mapping[str, Value]
    overrides: tuple[str, ...]
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lab:
    """Runs what figures need.

    Parameters
    ----------
    cache
        Where results are kept.
    quick
        Few seeds and shorter runs, to see that everything works.
    jobs
        Processes; -1 for one per core.
    seed_count
        Seeds of a comparison; by default 10, or 3 if ``quick``.
    on_work
        Called with the amount of work that a call of :meth:`do` found to do, and then with -1 after each piece.
    """

    cache: Cache
    quick: bool = False
    jobs: int = -1
    on_work: Callable[[int], None] = lambda amount: None
    seed_count: int | None = None

    @property
    def seeds(self) -> range:
        """Seeds of every comparison."""
        return range(self.seed_count or (3 if self.quick else 10))

    @property
    def requests(self) -> int:
        """Requests of a run, as in the paper."""
        return QUICK_REQUESTS if self.quick else 300

    def config(self, *overrides: str) -> dict[str, Any]:
        """Compose a configuration: choices of groups first, then the values of fields; of :data:`PROFILE` by default.

        Composing takes a quarter of a second, so what the choices of groups make is remembered on disk.

        Raises
        ------
        KeyError
            If there is no such field.
        """
        if not any(override.startswith("profile=") for override in overrides):
            overrides = (f"profile={PROFILE}", *overrides)
        choices = [override for override in overrides if "." not in override.partition("=")[0]]
        identity = [digest(SCHEMA), *choices]
        config = self.cache.get_config(identity)
        if config is None:
            config = compose(choices)
            self.cache.put_config(identity, config)
        assert isinstance(config, dict)
        for override in overrides:
            path, _, text = override.partition("=")
            if "." in path:
                parsed: Any = OmegaConf.to_container(OmegaConf.from_dotlist([f"value={text}"]))
                _set(config, path, parsed["value"])
        return config

    def do(self, tasks: Sequence[Task]) -> list[Any]:
        """Return the results of all tasks, in order; what is not cached is done now, on all cores."""
        from joblib import Parallel, delayed

        results = {index: self.cache.get(task) for index, task in enumerate(tasks)}
        missing = [index for index, result in results.items() if result is None]
        self.on_work(len(missing))
        work = (delayed(_perform)(self.cache, tasks[index]) for index in missing)
        for index, result in zip(missing, Parallel(n_jobs=self.jobs, return_as="generator")(work), strict=True):
            results[index] = result
            self.on_work(-1)
        return [results[index] for index in range(len(tasks))]

    def sweep(
        self,
        points: Iterable[Point],
        policies: Sequence[Policy],
        metrics: Mapping[str, Metric] | None = None,
        seeds: Sequence[int] | None = None,
        keep: Sequence[str] = (),
    ) -> Table:
        """Serve every point with every policy over all seeds.

        Parameters
        ----------
        points, policies
            Every pair of them is run. The policy ``bound`` stands for the clairvoyant bound.
        metrics
            Column to function of a run's result; by default the SLO attainment ratio, as ``sar``.
        seeds
            Other seeds than the usual.
        keep
            See :func:`paper_figs.work.simulate`.

        Returns
        -------
        Table
            A row per point and policy: what is said about the point, ``policy``, ``seeds``, and for every metric its
            mean and ``<metric>_half``, half the width of the 95 % confidence interval over the seeds.
        """
        metrics = {"sar": sar} if metrics is None else metrics
        seeds = self.seeds if seeds is None else seeds
        pairs = [(point, policy) for point in points for policy in policies]
        tasks: list[Task] = []
        for point, policy in pairs:
            base = policy.overrides if policy is not BOUND else ("solver=edf",)
            config = self.config(f"workload.requests={self.requests}", *base, *point.overrides)
            for seed in seeds:
                seeded = config | {"seed": seed}
                kept = {"keep": list(keep)} if keep else {}
                tasks.append(
                    bound(seeded, BOUND_SECONDS, **point.more) if policy is BOUND else run(seeded, **kept, **point.more)
                )
        results = self.do(tasks)
        rows: list[dict[str, Value]] = []
        for index, (point, policy) in enumerate(pairs):
            mine = results[index * len(seeds) : (index + 1) * len(seeds)]
            row: dict[str, Value] = {**point.about, "policy": policy.name, "seeds": len(seeds)}
            for name, metric in metrics.items():
                values = [value for value in map(metric, mine) if value is not None]
                spread = Spread.of(values) if values else None
                row[name] = None if spread is None else spread.mean
                row[f"{name}_half"] = None if spread is None else spread.half_width
            rows.append(row)
        return Table.of(rows)


def sar(result: Mapping[str, Any]) -> float | None:
    """Return the SLO attainment ratio of a run, or the bound on it."""
    value = result["share"] if "share" in result else result["summary"]["sar"]
    return None if value is None else float(value)


def sar_of(shape: str) -> Metric:
    """Return the metric that is the SLO attainment ratio of one resolution."""

    def metric(result: Mapping[str, Any]) -> float | None:
        for entry in result.get("summary", {}).get("shapes", ()):
            if entry["shape"] == shape:
                return float(entry["sar"])
        return None

    return metric


def figure_of(name: str) -> Metric:
    """Return the metric that is one key figure of a run (see ``docs/metrics.md``)."""

    def metric(result: Mapping[str, Any]) -> float | None:
        value = result.get("summary", {}).get(name)
        return None if value is None else float(value)

    return metric


def _set(config: dict[str, Any], path: str, value: Any) -> None:
    """Set a field; a whole number becomes a float where one was."""
    group, _, name = path.partition(".")
    if name not in config.get(group, {}):
        raise KeyError(f"there is no field {path}; {group} has {', '.join(config.get(group, {}))}")
    config[group][name] = float(value) if isinstance(config[group][name], float) and value is not None else value


def _perform(cache: Cache, task: Task) -> Any:
    result = task.run()
    cache.put(task, result)
    return result
