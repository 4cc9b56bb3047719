# Every target is described by the words behind its `##`; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help up down cluster toolchain images crds env test lint format unit engine integration bench requirements clean \
  preview deploy drift workflows comment issue

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EMBEDDED := $(BIN)/python -m embedded
# of preview, deploy and drift; from the environment or from the command line
export STACK DANGEROUS APPROVED

help: ## list these targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/ready ## a kind cluster with the whole platform on it, and a report of what runs
	@$(EMBEDDED) up

down: $(VENV)/ready ## remove the platform, its cluster and its containers (built parts stay in the cache)
	@$(EMBEDDED) down

cluster: $(VENV)/ready ## only the kind cluster, ready for `pulumi up -s local`
	@$(EMBEDDED) cluster

toolchain: $(VENV)/ready ## only the command line tools: pulumi, its plugins, kind, kubectl
	@$(EMBEDDED) toolchain

images: $(VENV)/ready ## only the container images; with REGISTRY=host/path they are pushed there and pinned for the stacks
	@$(EMBEDDED) images --registry "$(REGISTRY)"

crds: $(VENV)/ready ## only Strimzi's CRDs, generated from its published jars
	@$(EMBEDDED) crds

env: $(VENV)/ready ## print the settings for your shell: eval "$$(make -s env)"
	@$(EMBEDDED) env

test: lint ## lint and all tests; makes and removes a kind cluster of its own
	@$(EMBEDDED) prepare
	@$(BIN)/pytest

lint: $(VENV)/ready ## style, format, types and small checks of every file
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/python tests/check_files.py
	@$(BIN)/python -m ci.workflows

workflows: $(VENV)/ready ## only the check of the pipelines' files, by actionlint and by rules of our own
	@$(BIN)/python -m ci.workflows

preview: $(VENV)/ready ## what STACK would change, checked by the policies, as a plan; DANGEROUS=allow accepts all of it
	@$(BIN)/python -m ci.preview "$(STACK)"

deploy: $(VENV)/ready ## bring STACK up; with APPROVED=FILE only by the plan in that file
	@$(BIN)/python -m ci.deploy "$(STACK)"

drift: $(VENV)/ready ## whether STACK is what is declared, by a preview and by the doctor
	@$(BIN)/python -m ci.drift "$(STACK)"

comment: $(VENV)/ready ## in a pipeline: the plans of STACKS as one comment of the pull request
	@$(BIN)/python -m ci.comment $(STACKS)

issue: $(VENV)/ready ## in a pipeline: the drift of STACKS as one issue
	@$(BIN)/python -m ci.issue $(STACKS)

format: $(VENV)/ready ## put every Python file into the project's format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

unit: $(VENV)/ready ## only the tests that need neither pulumi nor a cluster
	@$(BIN)/pytest tests/unit

engine: $(VENV)/ready ## only the tests on the real pulumi command line
	@$(BIN)/pytest tests/engine

integration: $(VENV)/ready ## only the tests on a kind cluster
	@$(BIN)/pytest tests/integration

bench: $(VENV)/ready ## measure the figures of bench/results.md
	@$(BIN)/python -m bench

requirements: $(VENV)/ready ## compile each requirements.in into exact versions with hashes
	@$(BIN)/uv pip compile -q --generate-hashes --no-header --no-emit-find-links --python-version 3.11 requirements.in -o requirements.txt
	@for folder in embedded/operator apps apps/*/; do [ -f $$folder/requirements.in ] || continue; \
	  $(BIN)/uv pip compile -q --generate-hashes --no-header --no-emit-find-links --python-version 3.13 \
	    $$folder/requirements.in -o $$folder/requirements.txt; done

clean: $(VENV)/ready ## remove the cache of built parts (they are built again when needed)
	@$(EMBEDDED) clean

# As root on Debian or Ubuntu the one package that Python's virtual environments need is installed; elsewhere it is named.
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
