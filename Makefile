# make book | make test | make lab | make serve | make help
# Needs Python >= 3.11, git and make; everything else goes into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.NOTPARALLEL:
.DEFAULT_GOAL := help

# Another interpreter: make PYTHON=/path/to/python3.12 book
PYTHON ?=
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BUILT := _build/.built
SOURCES := $(shell find book marl_edu -type f -not -path '*/__pycache__/*' \
             -not -path '*/.ipynb_checkpoints/*' 2>/dev/null)

.PHONY: help book test lint types unit notebooks site lab serve format clean

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

test: lint types unit notebooks book site ## everything: style, types, tests, notebooks, book, browser

lint: $(INSTALLED)
	@echo "== style"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	@echo "== types"
	$(BIN)/mypy

unit: $(INSTALLED)
	@echo "== tests of the package and of the book's sources"
	$(BIN)/pytest tests -m "not site"

notebooks: $(INSTALLED)
	@echo "== every notebook, cell by cell"
	$(BIN)/pytest --nbval-lax book -p no:cacheprovider

site: $(BUILT)
	@echo "== the built site in a browser"
	$(BIN)/python tools/browser.py $(BIN)/pytest tests/site -m site

lab: $(INSTALLED) ## open JupyterLab on the chapters and exercises
	@$(BIN)/jupyter lab book

serve: book ## serve the built book on http://localhost:8000
	@$(BIN)/python -m http.server 8000 --bind localhost --directory _build/html

format: $(INSTALLED) ## format the code, write the exercises' cells, strip the notebooks' outputs
	@$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python tools/exercise_cells.py
	find book -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' -exec $(BIN)/nbstripout --keep-id {} +

clean: ## remove everything that was built, but not .venv
	@rm -rf _build .pytest_cache .ruff_cache .mypy_cache .hypothesis
