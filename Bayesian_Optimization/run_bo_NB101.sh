#!/usr/bin/env bash
# The published experiment on NAS-Bench-101: 10 seeds of 10 rounds of 50 points, beside random points of the
# same box, and the tables and plots of all seeds. A killed one resumes where it was.
#     bash Bayesian_Optimization/run_bo_NB101.sh [--seeds 3 …]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python="$here/../.venv/bin/python"
[ -x "$python" ] || python=python

"$python" "$here/bo_nb101.py" --BO_rounds 10 --BO_batch_size 50 --random_baseline --seeds 10 --resume "$@"
"$python" "$here/summarize.py" --space NB101
