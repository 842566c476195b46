#!/usr/bin/env bash
# Lint, types and tests. Arguments go to pytest: bash test.sh tests/datasets -k nb101
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"
bash install.sh requirements.txt requirements-dev.txt
if [ -z "${NAS_DATA_ROOT:-}" ] && [ -d ../shared/data ]; then
    NAS_DATA_ROOT=$(cd ../shared/data && pwd)
    export NAS_DATA_ROOT
fi

.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy .
exec .venv/bin/python -m pytest "$@"
