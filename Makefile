# make install    create .venv with seqloom and everything that the other targets need
# make demo       train on the built-in corpus for a minute and write
# make test       run the tests
# make test-fast  run the tests that take less than half a second each
# make check      lint, format, types and layers
# make docs       build the documentation site into site/
# make clients RUN=runs/novel TEXT=novel.txt    run OpenAI's client, schemathesis and lm-evaluation-harness against a server
# make bench      measure everything, about an hour, into benchmarks/REPORT.md; ONLY="decode cold_start" repeats those
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PYTEST_OPTIONS ?=
PARALLEL := --numprocesses=auto --dist=loadfile $(PYTEST_OPTIONS)

.PHONY: install demo test test-fast check lint types layers docs bench format page clients clean help

help:
	@sed -n 's/^# //p' Makefile

CPP := $(shell find src/seqloom/kernels/native tests/native -name '*.cpp' -o -name '*.h')
NATIVE := hatch_build.py native_build.py src/seqloom/kernels/build_hash.py src/seqloom/kernels/native/build.toml $(filter src/%,$(CPP))

$(INSTALLED): pyproject.toml constraints.txt $(NATIVE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "seqloom needs Python 3.11 or newer; name one with make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,docs,drawings,music,serve]'
	@touch $@

install: $(INSTALLED)

demo: $(INSTALLED)
	$(BIN)/seqloom demo

test: $(INSTALLED)
	$(BIN)/python -m pytest $(PARALLEL)

test-fast: $(INSTALLED)
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow"

check: lint types layers

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run -Werror $(CPP)

types: $(INSTALLED)
	$(BIN)/mypy

layers: $(INSTALLED)
	$(BIN)/lint-imports

docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(INSTALLED)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/report.py $(if $(ONLY),--only $(ONLY))

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CPP)

page:
	cd page && npm ci --no-audit --no-fund && npm run check && npm run build

CLIENTS := .clients

$(CLIENTS)/bin/lm_eval:
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --constraint constraints.txt torch
	$(CLIENTS)/bin/python -m pip install --quiet 'lm-eval[api]==0.4.13'

clients: $(INSTALLED) $(CLIENTS)/bin/lm_eval
	@test -n "$(RUN)" -a -n "$(TEXT)" || { echo "name a run and a text: make clients RUN=runs/novel TEXT=novel.txt"; exit 2; }
	$(BIN)/python -m pip install --quiet --constraint constraints.txt openai schemathesis
	$(BIN)/python benchmarks/clients.py $(RUN)
	$(BIN)/python benchmarks/lm_evaluation.py $(RUN) $(TEXT) --harness $(CLIENTS)/bin/lm_eval

clean:
	rm -rf $(VENV) $(CLIENTS) site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
