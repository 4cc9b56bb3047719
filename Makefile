# The text after `##` describes a target; `make` without arguments lists all targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help up down cluster toolchain images crds env test lint format unit engine integration chaos bench requirements clean \
  preview deploy drift workflows comment issue

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EMBEDDED := $(BIN)/python -m embedded
# Used by preview, deploy and drift; set in the environment or on the command line.
export STACK DANGEROUS APPROVED

help: ## list these targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/ready ## create a kind cluster with the whole platform, and report what runs
	@$(EMBEDDED) up

down: $(VENV)/ready ## remove the platform, its cluster and its containers (the cache stays)
	@$(EMBEDDED) down

cluster: $(VENV)/ready ## create only the kind cluster, ready for `pulumi up -s local`
	@$(EMBEDDED) cluster

toolchain: $(VENV)/ready ## get only the command line tools: pulumi, its plugins, kind, kubectl
	@$(EMBEDDED) toolchain

images: $(VENV)/ready ## make only the container images; REGISTRY=host/path also pushes them and pins them for the stacks
	@$(EMBEDDED) images --registry "$(REGISTRY)"

crds: $(VENV)/ready ## generate only Strimzi's CRDs from its published jars
	@$(EMBEDDED) crds

env: $(VENV)/ready ## print the settings for your shell: eval "$$(make -s env)"
	@$(EMBEDDED) env

test: lint ## run lint and all tests, on a separate kind cluster that is removed afterwards
	@$(EMBEDDED) prepare
	@$(BIN)/pytest

lint: $(VENV)/ready ## check style, format, types and every file
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@PYTHONPATH=components:embedded/operator:. $(BIN)/lint-imports --no-cache > $(VENV)/layers.log || { cat $(VENV)/layers.log; exit 1; }
	@$(BIN)/python tests/check_files.py
	@$(BIN)/python -m ci.workflows

workflows: $(VENV)/ready ## check only the pipelines' files, with actionlint and our own rules
	@$(BIN)/python -m ci.workflows

preview: $(VENV)/ready ## write the plan of STACK, checked by the policies; DANGEROUS=allow accepts dangerous changes
	@$(BIN)/python -m ci.preview "$(STACK)"

deploy: $(VENV)/ready ## deploy STACK; with APPROVED=FILE only if the plan is the one in that file
	@$(BIN)/python -m ci.deploy "$(STACK)"

drift: $(VENV)/ready ## check whether STACK runs as declared, with a preview and the doctor
	@$(BIN)/python -m ci.drift "$(STACK)"

comment: $(VENV)/ready ## in a pipeline: write the plans of STACKS as one comment on the pull request
	@$(BIN)/python -m ci.comment $(STACKS)

issue: $(VENV)/ready ## in a pipeline: write the drift of STACKS as one issue
	@$(BIN)/python -m ci.issue $(STACKS)

format: $(VENV)/ready ## format every Python file
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

unit: $(VENV)/ready ## run only the tests that need neither pulumi nor a cluster
	@$(BIN)/pytest tests/unit

engine: $(VENV)/ready ## run only the tests on the real pulumi command line
	@$(BIN)/pytest tests/engine

integration: $(VENV)/ready ## run only the tests on a kind cluster
	@$(BIN)/pytest tests/integration

chaos: $(VENV)/ready ## make every fault of docs/faults.md under load, and count every sink afterwards (3 hours)
	@$(EMBEDDED) prepare
	@$(BIN)/pytest tests/chaos

bench: $(VENV)/ready ## measure the figures of bench/results.md
	@$(BIN)/python -m bench

requirements: $(VENV)/ready ## compile each requirements.in into exact versions with hashes
	@$(BIN)/uv pip compile -q --generate-hashes --no-header --no-emit-find-links --python-version 3.11 requirements.in -o requirements.txt
	@for folder in embedded/operator apps apps/*/; do [ -f $$folder/requirements.in ] || continue; \
	  $(BIN)/uv pip compile -q --generate-hashes --no-header --no-emit-find-links --python-version 3.13 \
	    $$folder/requirements.in -o $$folder/requirements.txt; done

clean: $(VENV)/ready ## remove the cache; its content is built again when needed
	@$(EMBEDDED) clean

# Python's virtual environments need one system package. As root on Debian or Ubuntu make installs it; elsewhere it names it.
$(VENV)/ready: requirements.txt components/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name it by: make PYTHON=/path/to/python3 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing python3-venv" >&2; apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null; \
	  else echo "Python's venv is missing: install your system's package for it (Debian: python3-venv)"; exit 1; fi; }
	@echo "Installing the Python packages of requirements.txt into $(VENV)" >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/uv pip install -q --no-deps --no-build-isolation -e components
	@touch $@
