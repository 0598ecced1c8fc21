# The daily commands. `make` lists them; each sets up first what it needs, once.

PYTHON ?= python3
ARGS ?=
CITY ?= chongqing

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
STATIC := src/shancheng/web/static
RUN_READY := $(STAMPS)/python $(STAMPS)/frontend
ALL_READY := $(RUN_READY) $(STAMPS)/tools $(STAMPS)/kernels
PYTHON_FILES := src tests scripts benchmarks

# Node.js may live in .venv/bin, when set-up had to bring it.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test check fix bench docs pictures openapi nightly clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(ALL_READY) ## make .venv with everything for run, test and check; build the page; compile the kernels

run: $(RUN_READY) ## build the city if it is not there yet and serve it (CITY=chongqing, ARGS="--port 8001")
	@exec $(BIN)/shancheng up $(CITY) $(ARGS)

test: $(ALL_READY) ## run every test, browser tests included (ARGS="-k tiles -x")
	@$(BIN)/python scripts/setup.py browser
	$(BIN)/pytest $(ARGS)
	npm --prefix frontend run --silent test

check: $(STAMPS)/tools $(STAMPS)/frontend-packages ## lint, format, types, the ladder of imports, lock files
	$(BIN)/ruff check $(PYTHON_FILES)
	$(BIN)/ruff format --check $(PYTHON_FILES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_locks.py
	npm --prefix frontend run --silent check

fix: $(STAMPS)/tools $(STAMPS)/frontend-packages ## mend what lint and format can mend by themselves
	$(BIN)/ruff check --fix $(PYTHON_FILES)
	$(BIN)/ruff format $(PYTHON_FILES)
	npm --prefix frontend run --silent --if-present fix

bench: $(ALL_READY) ## measure, and write docs/benchmarks.md (about ten minutes)
	@$(BIN)/python scripts/setup.py browser
	$(BIN)/python benchmarks/run_all.py $(ARGS)

docs: $(RUN_READY) ## generate the reference pages from --help and OpenAPI
	$(BIN)/python scripts/make_cli_reference.py
	$(BIN)/python scripts/export_openapi.py

pictures: $(ALL_READY) ## take the pictures of the documents from the running page
	@$(BIN)/python scripts/setup.py browser
	SHANCHENG_PICTURES=docs/images $(BIN)/pytest tests/browser/test_pictures.py

openapi: $(ALL_READY) ## generate the page's types from the OpenAPI file
	$(BIN)/python scripts/export_openapi.py
	npm --prefix frontend run --silent types

nightly: ## everything: check, test with many more random examples, bench
	$(MAKE) check
	HYPOTHESIS_PROFILE=nightly $(MAKE) test
	$(MAKE) bench ARGS=--full

clean: ## remove what set-up and builds made; cities stay
	rm -rf $(VENV) .bench build dist frontend/node_modules $(STATIC)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up: each step leaves a stamp, so that a second command costs nothing ---------------------------------------

$(STAMPS)/python: pyproject.toml constraints.txt scripts/setup.py
	@$(PYTHON) scripts/setup.py python
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/tools: $(STAMPS)/python
	@$(BIN)/python scripts/setup.py tools
	@touch $@

$(STAMPS)/frontend-packages: $(STAMPS)/python $(wildcard frontend/package.json frontend/package-lock.json frontend/.npmrc)
	@$(BIN)/python scripts/setup.py frontend-packages
	@touch $@

FRONTEND_SOURCES := $(shell find frontend -name node_modules -prune -o -type f -print 2>/dev/null)

$(STAMPS)/frontend: $(STAMPS)/frontend-packages $(FRONTEND_SOURCES)
	@$(BIN)/python scripts/setup.py frontend
	@touch $@

KERNELS := $(shell find src/shancheng -name kernels.py -o -path '*/engines/*parallel.py')

$(STAMPS)/kernels: $(STAMPS)/python $(KERNELS)
	@$(BIN)/python scripts/setup.py kernels
	@touch $@

# What a stamp stands for may have been removed since.
ifeq ($(wildcard frontend/node_modules/.package-lock.json),)
.PHONY: $(STAMPS)/frontend-packages
endif
ifeq ($(wildcard $(STATIC)/index.html),)
.PHONY: $(STAMPS)/frontend
endif
