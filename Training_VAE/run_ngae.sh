#!/usr/bin/env bash
# What the four published commands of NGAE do, with the published settings on ENAS: train the VAE with
# both heads, test it, search in its latent space, train the networks that were found. A killed one
# resumes where it was. Flags are those of train_ngae.py, those behind -- of train_enas.py. All
# commands use the run's folder in DIR (default: runs/), not shipped weights of the same name.
#     bash Training_VAE/run_ngae.sh [--log_dir DIR …] [-- --data_set digits …]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python="$here/../.venv/bin/python"
[ -x "$python" ] || python=python

flags=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    flags+=("$1")
    shift
done
ngae() {
    "$python" "$here/train_ngae.py" --config published --data_name final_structures6 --model NGAE \
        --log_dir "${here%/*}/runs" "$@"
}

ngae --save_interval 100 --resume "${flags[@]}"
ngae --only_test "${flags[@]}"
ngae --only_search --search_optimizer sgd --search_strategy optimal --search_samples 10 "${flags[@]}"
ngae --train_from_scratch --search_optimizer sgd --search_strategy optimal --resume "${flags[@]}" "$@"
