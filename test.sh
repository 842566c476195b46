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
.venv/bin/mypy --num-workers auto .

# One process for each core that may be used, and one thread in each: what two processes start on one
# core waits for each other. A worker takes a row of neighbouring tests, which share what their file
# or room prepares, and then a part of what the slowest still has.
workers=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Tests start some hundred processes: each would compile every module of ours again.
unset PYTHONDONTWRITEBYTECODE
exec .venv/bin/python -m pytest -n "$workers" --dist worksteal \
    --durations=25 --junitxml=.pytest_cache/durations.xml "$@"
