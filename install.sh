#!/usr/bin/env bash
# Makes .venv beside this file and installs requirement files into it:
#     bash install.sh requirements-core.txt [MORE.txt ...]
# What is installed already is not touched again. PYTHON=/path/to/python chooses the interpreter.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=$root/.venv
suitable='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

fail() {
    echo "error: $1" >&2
    exit 2
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if "$candidate" -c "$suitable" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "no Python 3.11 to 3.13 found: install one, or name it with PYTHON=/path/to/python"
}

if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    python=$(find_python)
    echo "Making $venv with $("$python" --version) ..."
    "$python" -m venv "$venv" ||
        fail "could not make $venv: on Debian and Ubuntu install the package python3-venv"
fi
"$venv/bin/python" -c "$suitable" ||
    fail "$venv holds $("$venv/bin/python" --version), 3.11 to 3.13 is needed: remove that folder"

# One stamp for each set of files: it is the hash of all the pins, as files include each other.
stamp=$venv/installed-$(printf '%s+' "$@")
pins=$(cat "$root"/requirements*.txt | cksum)
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$pins" ]; then
    echo "Installing $* into $venv (some minutes the first time) ..."
    arguments=()
    for file in "$@"; do
        arguments+=(--requirement "$root/$file")
    done
    # Twice quiet: errors only, without pip's warnings and progress.
    "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-input \
        "${arguments[@]}" || fail "the installation failed: the lines above say why"
    echo "$pins" >"$stamp"
fi
