"""AutoGL's first example: a search of GraphNAS' micro space for Cora by GraphNAS' controller.

python examples/search_cora.py

Two epochs of two steps are four networks, each trained from scratch. A search that is to find
something takes some hundred; ``search.py`` runs it in a folder, and resumes it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from datasets import get_space
from estimators import Evaluations, FromScratch, NodeRecipe, NodeTask, load_design
from experiment.errors import run_command
from searchers import Budget, SearchLoop, WholeSpace, make_searcher

EPOCHS, STEPS = 2, 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Search; Cora's files are below ``NAS_DATA_ROOT``."""
    space = get_space("GRAPHNAS_MICRO")
    recipe = NodeRecipe.load("citation", "GRAPHNAS_MICRO")
    estimator = FromScratch(space, NodeTask("cora"), load_design("citation", space, "cora"), recipe)
    algorithm = make_searcher("graphnas_rl", WholeSpace(space), seed=0, initial=1)
    found = SearchLoop(algorithm, Evaluations(estimator), Budget(EPOCHS * STEPS)).run().incumbent
    if found is not None:
        print(space.format(found.measurement.architecture), found.measurement.validation)
        print(estimator.module_lines(found.measurement.architecture))


if __name__ == "__main__":
    run_command(main)
