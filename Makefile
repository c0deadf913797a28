# make book | make quick | make test | make lab | make serve | make help
# A thin front of tools/run.py, which does the same without make: python3 tools/run.py book
# Needs Python >= 3.11 and git; everything else goes into .venv.

.NOTPARALLEL:
.DEFAULT_GOAL := help

# Another interpreter: make PYTHON=/path/to/python3.12 book
PYTHON ?=
VENV ?= .venv
WORKERS ?= logical
# What JupyterLab is started with: make lab LAB_OPTIONS="--allow-root --ip 0.0.0.0"
LAB_OPTIONS ?=
export PYTHON VENV WORKERS LAB_OPTIONS

TARGETS := help book quick test deep lint types fast unit notebooks tests site slow mutants pdf epub \
           archive times tools lab lab-test serve format clean
.PHONY: $(TARGETS)

$(TARGETS):
	@"$(or $(PYTHON),python3)" tools/run.py $@
