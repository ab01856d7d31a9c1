"""The whole configuration, and the choices of every group."""

from __future__ import annotations

from dataclasses import dataclass, field, is_dataclass
from functools import cache
from typing import Any, get_type_hints

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from experiments.config.engines import (
    DistributedConfig,
    EmulatedConfig,
    LocalTransportConfig,
    RayTransportConfig,
    SimulatedConfig,
)
from experiments.config.help import HELP
from experiments.config.objectives import SCHEMAS as OBJECTIVES
from experiments.config.platforms import (
    EventsConfig,
    MeasuredProfileConfig,
    NodesConfig,
    PairsConfig,
    ProfileConfig,
    ProfileFileConfig,
    RoundsConfig,
    SwitchConfig,
    WorkersConfig,
)
from experiments.config.programs import SCHEMAS as PROGRAMS
from experiments.config.solvers import SOLVERS
from experiments.config.workloads import TIERS, OwnWorkloadConfig, TraceConfig, WorkloadConfig
from profiles import list_profiles

DEFAULTS: list[Any] = [
    {"cadence": "events"},
    {"solver": "cpsat"},
    {"program": "lookahead"},
    {"objective": "on_time"},
    {"workload": "uniform"},
    {"profile": "flux1-dev_h100"},
    {"cluster": "switch"},
    {"engine": "simulated"},
    {"override hydra/job_logging": "none"},
    {"override hydra/hydra_logging": "none"},
    "_self_",
]


@dataclass
class RunConfig:
    """Everything that defines a run."""

    defaults: list[Any] = field(default_factory=lambda: list(DEFAULTS))
    solver: Any = MISSING
    program: Any = MISSING
    objective: Any = MISSING
    workload: Any = MISSING
    profile: Any = MISSING
    cluster: Any = MISSING
    cadence: Any = MISSING
    engine: Any = MISSING
    seed: int = 0
    name: str = ""
    output: str | None = None
    overwrite: bool = False
    hydra: Any = field(
        default_factory=lambda: {
            "output_subdir": None,
            "run": {"dir": "."},
            "sweep": {"dir": "results/sweep_${now:%Y-%m-%d_%H-%M-%S}", "subdir": "."},
            "job": {"chdir": False},
            "help": {"app_name": "experiments.run", "template": HELP},
        }
    )


CHOICES: dict[str, dict[str, Any]] = {
    "solver": {name: choice.schema for name, choice in SOLVERS.items()},
    "program": dict(PROGRAMS),
    "objective": dict(OBJECTIVES),
    "workload": {
        "uniform": WorkloadConfig(),
        "skewed": WorkloadConfig(mix="skewed"),
        "homogeneous": WorkloadConfig(mix="homogeneous-1024"),
        "mix-c": WorkloadConfig(mix="mix-c"),
        "gamma": WorkloadConfig(cv=3.6),
        "bursts": WorkloadConfig(pieces=[[120.0, 6.0], [30.0, 48.0]]),
        "drift": WorkloadConfig(drift_to="skewed"),
        "tiers": WorkloadConfig(tiers=list(TIERS)),
        "profile": WorkloadConfig(mix="profile"),
        "small": WorkloadConfig(mix="small", requests=30, load=0.8, slo_scale=1.2, deadlines="stages"),
        "custom": WorkloadConfig(mix="custom"),
        "trace": TraceConfig,
        "custom_file": OwnWorkloadConfig,
    },
    "profile": {
        **{name: ProfileConfig(name) for name in list_profiles()},
        "file": ProfileFileConfig,
        "measured": MeasuredProfileConfig,
    },
    "cluster": {"switch": SwitchConfig, "pairs": PairsConfig, "nodes": NodesConfig, "workers": WorkersConfig},
    "cadence": {"rounds": RoundsConfig, "events": EventsConfig},
    "engine": {"simulated": SimulatedConfig, "emulated": EmulatedConfig, "distributed": DistributedConfig},
    "engine/transport": {"local": LocalTransportConfig, "ray": RayTransportConfig},
}


_ROOTS: dict[str, type] = {}
"""Classes of the whole that were registered, and of their own parts, by name."""


@cache
def register(name: str = "tetriplan", root: type = RunConfig) -> None:
    """Make the configuration known to Hydra, once in a process.

    Hydra copies its sources, and with them all that is stored, for every group that it lists. What is stored is copied
    again before it is used, so the store itself, of which there is only one, need not be: --help is then ten times as fast.

    Parameters
    ----------
    name
        How it is called.
    root
        The class of the whole: that of a run, or one with more fields.
    """
    ConfigStore.__deepcopy__ = lambda self, memo: self  # type: ignore[attr-defined]
    store = ConfigStore.instance()
    store.store(name=name, node=root)
    for kind in (root, *get_type_hints(root).values()):
        if is_dataclass(kind) and isinstance(kind, type):
            _ROOTS[kind.__name__] = kind
    for group, choices in CHOICES.items():
        for name, node in choices.items():
            store.store(group=group, name=name, node=node)


def schema(name: str) -> type | None:
    """Return the dataclass of this name, for messages about its fields; None if there is none."""
    nodes = [node for choices in CHOICES.values() for node in choices.values()]
    classes = _ROOTS | {
        kind.__name__: kind for node in nodes for kind in [node if isinstance(node, type) else type(node)]
    }
    return classes.get(name)
