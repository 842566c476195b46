#!/usr/bin/env bash
# Everything that docs/io_information.md shows, figures included. Killed at any moment, the same
# command resumes: sets, trainings, predictions and searches that are kept are not made again.
#
#     bash benchmarks/io_information.sh
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python}

small=runs/io_DIGITS101 large=runs/io_DIGITS101_1216
"$PYTHON" -m Training_VAE.build_io_dataset --out "$small"
"$PYTHON" -m Training_VAE.build_io_dataset --out "$large" --networks 1216

"$PYTHON" benchmarks/io_curves.py train --io_set "$large" --variants "1,216 networks"
"$PYTHON" benchmarks/io_curves.py train --io_set "$small" --variants \
    published "124 images" similarities accuracy
"$PYTHON" benchmarks/io_curves.py train --io_set "$small" --seeds 1 2 --variants \
    NB101 "accuracy NB101" "304 networks" shuffled
"$PYTHON" benchmarks/io_curves.py figure --variant published
"$PYTHON" benchmarks/io_curves.py compare --out docs/figures/io_variants.png

for protocol in forest process recorded; do
    "$PYTHON" benchmarks/io_prediction.py "$protocol" --io_set "$small"
done
"$PYTHON" benchmarks/io_prediction.py forest --space NB101
"$PYTHON" benchmarks/io_prediction.py process --space NB101
"$PYTHON" benchmarks/io_prediction.py figure

"$PYTHON" benchmarks/io_search.py run --methods reinforce "reinforce, published" --runs 100
"$PYTHON" benchmarks/io_search.py run --methods latent_bo --runs 20
"$PYTHON" benchmarks/io_search.py run --space NB101 --methods reinforce --runs 100
"$PYTHON" benchmarks/io_search.py figure
