# Two commands do everything on a fresh machine with Python 3.11 or later: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Without isolation setuptools is there already, and is not downloaded for each editable; in the mode compat type checkers
# find their packages.
INSTALL := $(PIP) install --quiet -c constraints.txt --no-build-isolation --config-settings editable_mode=compat
FAMILIES := $(sort $(dir $(wildcard plugins/*/pyproject.toml)))
EDITABLE := -e . $(addprefix -e ,$(FAMILIES:/=))
PROJECTS := pyproject.toml $(addsuffix pyproject.toml,$(FAMILIES))
BUILDING := $(VENV)/.stamp-building
INSTALLED := $(VENV)/.stamp-installed
DEVELOPING := $(VENV)/.stamp-developing
PEERS_VENV ?= .venv-peers
RUN ?= runs/demo
MINUTES ?= 2.5
# A narrow network and small batches at a high rate that falls to 0 in the second half.
DEMO ?= --preset small --set run.cooldown=0.5

# Two targets at once would install into one environment, and measure each other.
.NOTPARALLEL:
.PHONY: demo test test-slow lint types bench bench-peers docs clean

# WGAN-GP on the embedded pictures of clothes, at 32 x 32.
demo: $(INSTALLED)
	@if [ -f "$(RUN)/config.yaml" ]; then rm -rf "$(RUN)"; fi  # an earlier demo; train refuses any other folder
	$(BIN)/ganzoo train --arch wgan-gp --data fashion-12k --size 32 --minutes $(MINUTES) --seed 5 --out $(RUN) $(DEMO)
	$(BIN)/ganzoo sample $(RUN) -n 64 --seed 3 --out $(RUN)/grid.png
	@echo "the samples: $(RUN)/grid.png; on the way: $(RUN)/samples/"

test: $(DEVELOPING)
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(DEVELOPING)
	$(BIN)/python -m pytest -m slow

lint: $(DEVELOPING)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEVELOPING)
	$(BIN)/mypy

# Benchmarks measure one thing at a time: no parallel workers.
bench: $(DEVELOPING)
	$(BIN)/python -m pytest benchmarks -p no:xdist --benchmark-only -m "slow or not slow"

# ganzoo against its peers, which have an environment of their own; about half an hour on two idle cores.
# OUT: the page to write. PEERS: further options, such as --workload W2 --rounds 9.
bench-peers: $(INSTALLED) $(PEERS_VENV)/.stamp
	$(BIN)/python -m benchmarks.peers --peers-python $(PEERS_VENV)/bin/python \
		--out $(or $(OUT),benchmarks/results/$(shell date +%F)-peers.md) $(PEERS)

$(PEERS_VENV)/.stamp: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/python -m pip --disable-pip-version-check install --quiet -r benchmarks/peers/requirements.txt
	@touch $@

docs: $(DEVELOPING)
	$(BIN)/python docs/reference.py
	$(BIN)/python docs/plugin_reference.py
	$(BIN)/python docs/checks.py

# The stamps are older than what they were made from when that has changed since: then pip runs again.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ganzoo wants Python 3.11 or later, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)

$(BUILDING): constraints.txt | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt setuptools wheel
	@touch $@

$(INSTALLED): $(BUILDING) $(PROJECTS)
	$(INSTALL) $(EDITABLE)
	@touch $@

# Everything in one call, and what needs the editables alone is done as well. requirements-dev.txt has them for pip without
# make; here they are named once more, since pip gives --config-settings to what is on the command line alone.
$(DEVELOPING): $(BUILDING) $(PROJECTS) requirements-dev.txt
	$(INSTALL) $(EDITABLE) -r requirements-dev.txt
	@touch $(INSTALLED) $@

clean:
	rm -rf $(VENV) build dist *.egg-info plugins/*/*.egg-info plugins/*/build
