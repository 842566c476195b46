#!/usr/bin/env bash
# The main job: trains a graph VAE, evaluates it, draws what it learnt, trains new cells on digits,
# fits a predictor to the measured cells, trains larger cells that it ranks first, searches by training,
# and makes a page of all that.
#     bash run.sh                                   needs no data
#     bash run.sh --space ENAS --data_root FOLDER   the VAE on measured data; --help lists all options
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Progress goes to standard error: into a log it belongs beside the rest.
[ -t 1 ] || exec 2>&1

step() { # number, what, expected time
    echo
    echo "step $1 of 5: $2 (about $3 on two cores)"
}

bash "$root/install.sh" requirements-core.txt
python="$root/.venv/bin/python"
if [ $# -gt 0 ]; then
    exec "$python" "$root/Training_VAE/first_run.py" "$@"
fi

step 1 "training an SVGE on the 2,532 cells of DIGITS101, drawing its latent space" "3 minutes"
"$python" "$root/Training_VAE/first_run.py"

step 2 "predicting the accuracies of all other cells from 400 labels" "30 seconds"
"$python" "$root/Performance_Prediction/fit_predictor.py" --space DIGITS101 --name first_run --resume

step 3 "ranking cells of 6 nodes, larger than any labelled one, and training the first three" "30 seconds"
"$python" "$root/Extrapolation_Ability/eval_extrapolation.py" --data_search_space DIGITS101 \
    --predictor default --labels 400 --train_top 3 --data_set digits --seeds 3 --top 5 \
    --name first_run --resume

step 4 "searching DIGITS101 for its best cell: 40 networks are trained, two at a time" "1 minute"
"$python" "$root/Bayesian_Optimization/search.py" --space DIGITS101 --estimator train --method bo \
    --queries 40 --batch 2 --workers 2 --name first_run --resume

step 5 "making the page" "10 seconds"
PYTHONPATH="$root" "$python" -m analysis.report "$root/runs/first_run/SVGE_DIGITS101" \
    "$root/runs/predictors/first_run" "$root/runs/extrapolation/first_run_DIGITS101" \
    "$root/runs/search/first_run" --title "The first run" --out "$root/report.html" --overwrite
