# Everything that is built here is built by one of these words. Python comes from PYTHON, packages from the index pip knows.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help test stress-test gpu portability reports get-started docs readme clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

test: .venv/.dev  ## check and test every notebook; ARGS=--slow adds the slow cells, ARGS=nbs/evaluation/10_classification.ipynb tests one
	@$(BIN)/python .ci/test.py $(ARGS)

stress-test: .venv/.dev  ## long robustness tests: faults, kills, hostile input, numbers; ARGS=kills runs one part
	@$(BIN)/python .ci/stress_test.py $(ARGS)

gpu:  ## measure on this machine's GPU in eight minutes; ARGS=--rehearse: at toy size on the CPU
	@$$([ -x $(BIN)/python ] && echo $(BIN)/python || echo $(PYTHON)) .ci/gpu.py $(ARGS)   # what is installed has to do: there may be no network

portability: .venv/.dev  ## run notebooks as on other machines; ARGS="--quick bf16 oldest" names conditions, none: all
	@$(BIN)/python .ci/portability.py $(ARGS)

reports: .venv/.base  ## run every study on generated data; prints where the HTML reports are, and which failed
	@$(BIN)/python .ci/reports.py $(ARGS)

get-started: .venv/.dev  ## follow Get started in a fresh environment, with the seconds of each step; ARGS=--clone: from a clone, not a wheel
	@PIP_CONSTRAINT=$(CURDIR)/.ci/constraints.txt $(BIN)/python .ci/get_started.py $(ARGS)

docs: .venv/.dev  ## build the site in _docs/ without Quarto (with Quarto: nbdev_docs)
	@$(BIN)/python .ci/docs.py

readme: .venv/.dev  ## make README.md from nbs/index.ipynb
	@$(BIN)/python .ci/readme.py

clean:  ## remove what can be made again, but not .venv and not runs
	rm -rf _docs _proc build dist *.egg-info nbs/nbdev.yml

# The environment: made when absent, brought up to date when the requirements have changed.
.venv/.dev: settings.ini setup.py | .venv/bin/python
	$(BIN)/pip install -q -e '.[dev]'
	@touch .venv/.base $@

.venv/.base: settings.ini setup.py | .venv/bin/python
	$(BIN)/pip install -q -e ".[$$([ -e .venv/.dev ] && echo dev || echo all)]"
	@touch $@

.venv/bin/python:
	$(PYTHON) -c 'import sys; v = tuple(sys.version_info[:2]); v >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is %d.%d: make PYTHON=python3.11 ..." % v)'
	$(PYTHON) -m venv .venv
