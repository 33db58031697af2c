# make demo    run the demonstration: a spiking cerebellum in the brain
# make test    run all tests
# make lint    ruff and mypy
# make docs    the documentation, warnings are errors
# make bench   what coupling costs, in time and memory (ARGS="--repeats 2" for a quick look)
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
	$(BIN)/python -m pytest -q $(TESTS)

picture: $(READY)
	$(BIN)/cosim build-models
	$(BIN)/cosim run configs/cerebellum_hybrid.yaml --run-dir runs/picture --overwrite
	$(BIN)/python tools/draw_picture.py configs/cerebellum_hybrid.yaml runs/picture docs/images/demo.png

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

bench: $(READY)
	$(BIN)/python benchmarks/coupling.py configs/demo.yaml $(ARGS)
	$(BIN)/python benchmarks/memory.py configs/demo.yaml -d "1 s" -d "10 s"

clean:
	rm -rf .venv .venv-* docs/_build runs
