#!/usr/bin/env bash
# The main job: trains a graph VAE, evaluates it, draws what it learnt, trains new cells on digits,
# fits a predictor to the measured cells, trains larger cells that it likes best, searches by training,
# and makes a page of all that.
#     bash run.sh                                   needs no data
#     bash run.sh --space ENAS --data_root FOLDER   the VAE on measured data; --help lists all options
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bash "$root/install.sh" requirements-core.txt
python="$root/.venv/bin/python"
"$python" "$root/Training_VAE/first_run.py" "$@"
[ $# -eq 0 ] || exit 0

echo
echo "predicting the accuracies of the other cells of DIGITS101 from 400 labels"
"$python" "$root/Performance_Prediction/fit_predictor.py" --space DIGITS101 --resume
echo
echo "ranking cells of 6 nodes, larger than any in the table, and training the first three"
"$python" "$root/Extrapolation_Ability/eval_extrapolation.py" --data_search_space DIGITS101 \
    --predictor default --labels 400 --train_top 3 --data_set digits --seeds 3 --top 5 \
    --name first_run --resume
echo
echo "searching DIGITS101 for its best cell: 40 networks are trained, two at a time"
"$python" "$root/Bayesian_Optimization/search.py" --space DIGITS101 --estimator train --method bo \
    --queries 40 --batch 2 --workers 2 --name first_run --resume
echo
PYTHONPATH="$root" "$python" -m analysis.report "$root/runs/first_run/SVGE_DIGITS101" "$root"/runs/predictors/DIGITS101_* \
    "$root/runs/extrapolation/first_run_DIGITS101" "$root/runs/search/first_run" \
    --title "The first run" --out "$root/report.html" --overwrite
