#!/usr/bin/env bash
# Make the virtual environment and install the pinned requirements and the package into it.
# usage: tools/install.sh VENV [PYTHON]
set -euo pipefail

venv=$1
candidates=(python3 python3.13 python3.12 python3.11 python)
if [ -n "${2:-}" ]; then candidates=("$2"); fi

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if [ ! -x "$venv/bin/python" ]; then
    for candidate in "${candidates[@]}"; do
        if recent "$candidate"; then found=$candidate; break; fi
    done
    if [ -z "${found:-}" ]; then
        echo "Python 3.11 or newer is needed; none found. Name one: make PYTHON=/path/to/python3" >&2
        exit 1
    fi
    echo "Making $venv with $("$found" --version)"
    trap 'rm -rf "$venv"' EXIT  # after Ctrl-C, too: half an environment would pass for a whole one
    if ! "$found" -m venv "$venv"; then
        echo "$found cannot make a virtual environment (on Debian: apt install python3-venv)" >&2
        exit 1
    fi
    trap - EXIT
fi

"$venv/bin/python" -m pip install --disable-pip-version-check --quiet --requirement requirements.txt
"$venv/bin/python" -m pip install --disable-pip-version-check --quiet \
    --no-build-isolation --no-deps --editable .
