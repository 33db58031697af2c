# make demo    run the demonstration: a spiking cerebellum in the brain
# make test    run all tests
# make lint    ruff and mypy
# make docs    the documentation, warnings are errors
# make bench   every performance figure, as ratios (ARGS=--quick for a first look)
# make picture run the demonstration and make the picture of the README
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

.PHONY: help demo test lint docs bench picture clean
help:
	@sed -n '/^$$/q;s/^# \?//p' Makefile

$(READY): pyproject.toml tools/setup_environment
	tools/setup_environment $(VENV) $(MPI)

# Without a compiler NEST's own neurons stand in for the one that has to be compiled.
demo: $(READY)
	@if $(BIN)/cosim build-models; then \
	  scenario=configs/cerebellum_hybrid.yaml; \
	else \
	  scenario=configs/cerebellum_hybrid_stand_in.yaml; \
	  echo "demo: the neuron is not compiled, so a stand-in takes its place. It is about ten"; \
	  echo "      times slower for each neuron, so this takes minutes, and some populations fire less."; \
	fi; \
	echo "cosim run $$scenario"; $(BIN)/cosim run $$scenario

test: $(READY)
	@$(BIN)/cosim build-models || echo "test: the neuron is not compiled; tests of it are skipped"
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup $(TESTS)

picture: $(READY)
	$(BIN)/cosim build-models
	$(BIN)/cosim run configs/cerebellum_hybrid.yaml --run-dir runs/picture --overwrite
	$(BIN)/python tools/draw_picture.py configs/cerebellum_hybrid.yaml runs/picture docs/images/demo.png

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

# Elephant is a peer that rates into spikes are compared with; without it numpy stands in.
bench: $(READY)
	@$(BIN)/cosim build-models || echo "bench: the neuron is not compiled; figures of the cerebellum fail"
	@$(BIN)/python -c 'import elephant' 2>/dev/null || $(BIN)/pip install --quiet -e '.[bench]' || \
	  echo "bench: elephant cannot be installed; a loop in numpy takes its place"
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv .venv-* docs/_build runs
