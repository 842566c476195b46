#!/usr/bin/env bash
# The main job: trains a graph VAE, evaluates it, draws what it learnt, and trains new cells on digits.
#     bash run.sh                                   needs no data
#     bash run.sh --space ENAS --data_root FOLDER   on measured data; --help lists all options
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bash "$root/install.sh" requirements-core.txt
exec "$root/.venv/bin/python" "$root/Training_VAE/first_run.py" "$@"
