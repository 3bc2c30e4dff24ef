# A thin wrapper around the `hwgen` command: it makes .venv, installs into it what a target needs, and calls hwgen.
# Every path is relative, so that the clone's own path may hold spaces.

MODEL ?= tfc_w1a1
BOARD ?= icebreaker
# Recipes take both from the environment: in the text of a recipe the shell would read them as its own.
export MODEL BOARD
PYTHON ?= python3
# More for pip, for instance the package index that holds torch without CUDA: make test PIP_ARGS="--extra-index-url URL"
PIP_ARGS ?=
# Processes that pytest runs side by side.
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet $(PIP_ARGS) -c constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help bitstream test test-all verify bench bench-fpga boards calibrate lint clean distclean

help: ## what there is
	@echo "usage: make TARGET [BOARD=$$BOARD] [MODEL=$$MODEL]"
	@echo
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

bitstream: $(VENV)/runtime ## the bitstream of MODEL for BOARD, in build/
	$(BIN)/hwgen build "$$MODEL" --board "$$BOARD"

verify: $(VENV)/runtime ## simulate the hardware of MODEL for BOARD and compare every layer
	$(BIN)/hwgen verify "$$MODEL" --board "$$BOARD"

bench: $(VENV)/dev ## every figure of merit, with the peers' beside it
	$(BIN)/hwgen bench

bench-fpga: $(VENV)/runtime ## bitstreams of the zoo: images per second beside the peers' (an hour or more; goes on where it was)
	$(BIN)/python -m hwgen.bench.fpga

boards: $(VENV)/runtime ## a bitstream for every board, as the table of docs/boards.md (a quarter of an hour; goes on where it was)
	$(BIN)/python -m hwgen.bench.boards

calibrate: $(VENV)/runtime ## the planner's LUTs and RAMs against nextpnr's packing, and coefficients that fit it (minutes)
	$(BIN)/python -m hwgen.bench.calibrate

test: lint ## the checkers and the test suite, without its slow part
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow"

test-all: lint ## the checkers and the whole test suite
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

lint: $(VENV)/dev ## ruff and the type checker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/basedpyright --level error

clean: ## remove what was built, keep .venv
	rm -rf build .pytest_cache .ruff_cache
	find hwgen tests rtl_tests -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## remove .venv too
	rm -rf $(VENV)

# Each stamp is written last: whatever is interrupted before it is done again, from a clean start.
$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("hwgen needs Python 3.11 or newer, and" \
	" $(PYTHON) is " + sys.version.split()[0] + "; name a newer one: make PYTHON=python3.12 ...")'
	@echo "making $(VENV)" >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/runtime: $(VENV)/made pyproject.toml constraints.txt
	@echo "installing what hwgen needs into $(VENV) (about 330 MB to fetch, once)" >&2
	@$(PIP) -e .
	@touch $@

$(VENV)/dev: $(VENV)/runtime
	@echo "installing what its tests need into $(VENV), torch too (once)" >&2
	@$(PIP) -e ".[dev]"
	@touch $@
