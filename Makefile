# make book | make quick | make test | make lab | make serve | make help
# Needs Python >= 3.11, git and make; everything else goes into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.NOTPARALLEL:
.DEFAULT_GOAL := help

# Another interpreter: make PYTHON=/path/to/python3.12 book
PYTHON ?=
VENV ?= .venv
ifneq ($(words $(VENV)),1)
$(error VENV must be a path without spaces, got "$(VENV)")
endif
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BUILT := _build/.built
SOURCES := $(shell find book marl_edu -type f -not -path '*/__pycache__/*' \
             -not -path '*/.ipynb_checkpoints/*' 2>/dev/null)

# Tests share the cores, and each process takes one. A file stays in one process, since the cells of
# a notebook share a kernel; files start in their order, notebooks and learning first, short ones last.
WORKERS ?= logical
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
fast unit notebooks tests site slow: export OMP_NUM_THREADS := 1

.PHONY: help book quick test deep lint types fast unit notebooks tests site slow mutants \
        archive times tools lab serve format clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(INSTALLED): requirements.txt pyproject.toml
	@bash tools/install.sh "$(VENV)" "$(PYTHON)"
	touch $@

$(BUILT): $(INSTALLED) _config.yml _toc.yml tools/book.py $(SOURCES)
	@$(BIN)/python tools/book.py
	touch $@

book: $(BUILT) ## build the book: _build/html/index.html
	@echo "The book: file://$(CURDIR)/_build/html/index.html   (make serve: http://localhost:8000)"

quick: lint types fast ## style, types, the fast tests: two minutes, while you work

test: lint types tests book site ## everything: style, types, tests, notebooks, book, browser

deep: slow mutants ## what takes long: slow tests, and whether the tests notice a changed line

lint: $(INSTALLED)
	@echo "== style"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/javascript.py lint types format --check
	$(BIN)/python tools/exercise_cells.py --check
	$(BIN)/python tools/asides.py --check
	$(BIN)/python tools/prose.py

types: $(INSTALLED)
	@echo "== types"
	$(BIN)/mypy

fast: $(INSTALLED)
	@echo "== tests that take no time: no learning, no browser"
	$(BIN)/python tools/javascript.py test
	$(PYTEST) tests -m "not learning and not long and not slow and not browser and not site"

unit: $(INSTALLED)
	@echo "== tests of the package and of the book's sources"
	$(BIN)/python tools/javascript.py test
	$(PYTEST) tests -m "not site and not slow"

notebooks: $(INSTALLED)
	@echo "== every notebook, cell by cell"
	$(PYTEST) --nbval-lax book

tests: $(INSTALLED)
	@echo "== all tests, and every notebook, cell by cell"
	$(BIN)/python tools/javascript.py test
	$(PYTEST) --nbval-lax book tests -m "not site and not slow"

site: $(BUILT)
	@echo "== the built site in a browser"
	$(BIN)/python tools/browser.py $(PYTEST) --dist worksteal tests/site -m site

slow: $(INSTALLED)
	@echo "== slow tests"
	$(PYTEST) --dist worksteal tests -m slow

mutants: $(INSTALLED)
	@echo "== mutants: one changed line at a time, which the tests must notice"
	$(BIN)/python tools/mutants.py

archive: book ## pack the built book: _build/site.tar.gz
	@tar -C _build -czf _build/site.tar.gz html

times: $(INSTALLED) ## how long quick, test, deep and all checks take, beside their limits; hours
	@$(BIN)/python tools/times.py

tools: $(INSTALLED) ## our algorithms on other environments, our environments in other tools; half an hour
	@$(BIN)/python tools/pairs.py --save
	$(BIN)/python tools/field.py --save

lab: $(INSTALLED) ## open JupyterLab on the chapters and exercises
	@$(BIN)/jupyter lab book

serve: book ## serve the built book on http://localhost:8000
	@$(BIN)/python -m http.server 8000 --bind localhost --directory _build/html

format: $(INSTALLED) ## format the code, write the exercises' cells, strip the notebooks' outputs
	@$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python tools/javascript.py format
	$(BIN)/python tools/exercise_cells.py
	$(BIN)/python tools/asides.py
	find book -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' -exec $(BIN)/nbstripout --keep-id {} +

clean: ## remove everything that was built, but not .venv
	@rm -rf _build .pytest_cache .ruff_cache .mypy_cache .hypothesis
