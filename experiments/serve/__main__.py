"""``python -m experiments.serve``: a server of images and videos with deadlines."""

from __future__ import annotations

import sys
from typing import Any

from experiments.cli import USER_ERRORS, guarded, plain, refuse_twice
from experiments.config import register
from experiments.config.checks import ConfigError
from experiments.config.serving import ServerConfig

_NOT_HERE = {
    "workload": "requests come from clients; their targets are serve.slo_scale, serve.deadlines and serve.tiers",
    "engine.admission": "use serve.admission",
    "name": "it is not used: the page and the tables are named by the planner",
}
"""Overrides of a run that a server has no use for, with what to use."""


def _command() -> int:
    import hydra
    from omegaconf import DictConfig

    register("tetriplan_serve", ServerConfig)
    refuse_twice(sys.argv[1:])
    code: int | Exception = 0

    @hydra.main(version_base="1.3", config_name="tetriplan_serve", config_path=None)
    def job(config: DictConfig) -> None:
        nonlocal code
        try:
            code = _served(plain(config))
        except USER_ERRORS as error:  # which Hydra would announce by a line of its own
            code = error

    for argument in sys.argv[1:]:
        if argument in ("-m", "--multirun"):
            raise ConfigError(f"{argument} makes several runs, and there is one server; leave it out")
        name = argument.partition("=")[0].lstrip("+")
        for unused, instead in _NOT_HERE.items():
            if "=" in argument and (name == unused or name.startswith(f"{unused}.")):
                raise ConfigError(f"{argument}: {instead}")
    job()
    if isinstance(code, Exception):
        raise code
    return code


def _served(config: dict[str, Any]) -> int:
    try:
        from experiments.serve.server import run
    except ImportError as error:
        raise ConfigError(
            f'experiments.serve needs {error.name}; install the extra serve: pip install -e ".[serve]"'
        ) from None
    return run(config)


def main() -> int:
    """Entry point; returns the exit code."""
    return guarded(_command)


if __name__ == "__main__":
    sys.exit(main())
