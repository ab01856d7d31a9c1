# Two commands do everything: `make demo` runs the main job, `make test` runs all checks. Each makes .venv when it is missing.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test bench figures clean

demo: $(VENV)/.core
	$(BIN)/python -m experiments.run

test: $(VENV)/.all
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

bench: $(VENV)/.all
	$(BIN)/python -m pytest tests/benchmarks --benchmark-enable --benchmark-only -p no:cacheprovider

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.core: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.all: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@ $(VENV)/.core

clean:
	rm -rf $(VENV)
