"""Search NB201 by a function of one's own: many ways for the signal, few 3×3 convolutions.

    python examples/own_objective.py

is interrupted with Ctrl-C and resumes when it is started again; ``python -m analysis.report
runs/own_objective`` draws it.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets import ArchitectureGraph, get_space
from searchers import search

SPACE = get_space("NB201")
NONE, CONVOLUTION = (SPACE.types.index(name) for name in ("none", "nor_conv_3x3"))


def score(architecture: ArchitectureGraph) -> float:
    """Ways from input to output that carry a signal, less one for each 3×3 convolution."""
    ways = [1] + [0] * (architecture.num_nodes - 1)
    for source, target in sorted(architecture.edges, key=lambda edge: edge[1]):
        ways[target] += ways[source] * (architecture.types[target] != NONE)
    return ways[-1] - architecture.types.count(CONVOLUTION)


if __name__ == "__main__":
    result = search(
        SPACE,
        score,
        queries=60,
        method="evolution",
        run="runs/own_objective",
        resume=True,
        unit="ways",
    )
    print(result)
