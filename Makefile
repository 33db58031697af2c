# make demo    run the demonstration scenario
# make test    run all tests
# make lint    ruff and mypy
# make docs    the documentation, warnings are errors
# make bench   what the performance figures come from
#
# MPI=mpich|openmpi|site chooses the MPI library: a packaged one, or the one of this machine.
# Without it: the machine's, if an mpirun is on PATH, else a packaged MPICH.

SHELL := bash
.DEFAULT_GOAL := help

ifeq ($(origin MPI),undefined)
  SITE_MPIRUN := $(shell command -v mpirun | grep -v '^$(CURDIR)/')
  MPI := $(if $(SITE_MPIRUN),site,mpich)
  VENV := .venv
else
  VENV := .venv-$(MPI)
endif
READY := $(VENV)/.mpi-$(MPI)
BIN := $(VENV)/bin

.PHONY: help demo test lint docs bench clean
help:
	@sed -n '/^$$/q;s/^# \?//p' Makefile

$(READY): pyproject.toml tools/setup_environment
	tools/setup_environment $(VENV) $(MPI)

demo: $(READY)
	$(BIN)/cosim run configs/demo.yaml

test: $(READY)
	$(BIN)/python -m pytest -q $(TESTS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

bench: $(READY)
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv .venv-* docs/_build runs
