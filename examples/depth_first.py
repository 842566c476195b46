"""An algorithm of one's own: depth-first over all choices of a space. The search keeps the best."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from datasets import ArchitectureGraph, DecisionSpace, get_node_graph
from estimators import Evaluations, NodeRecipe, NodeTask
from examples.own_estimator import FewSteps
from experiment.errors import run_command
from searchers import Budget, Searcher, SearchLoop, WholeSpace


class DepthFirst(Searcher):
    """Proposes every architecture of a space of decisions, the last decision varying fastest."""

    space: DecisionSpace

    def propose(self, n: int, generator: np.random.Generator) -> Iterator[ArchitectureGraph]:
        """Yields until the caller stops, which leaves out what was proposed before."""
        return self.below([])

    def below(self, chosen: list[int]) -> Iterator[ArchitectureGraph]:
        """All architectures that begin with these options."""
        if len(chosen) == len(self.space.decisions):
            yield self.space.rows_to_batch(np.array([chosen])).graph(0)
            return
        for option in range(len(self.space.decisions[len(chosen)].options)):
            yield from self.below([*chosen, option])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all four architectures on Cora, whose files are below ``NAS_DATA_ROOT``."""
    nodes = NodeTask(get_node_graph("cora")).prepare(NodeRecipe.load("citation"), "cpu").nodes
    estimator = FewSteps(nodes)
    searcher = DepthFirst(WholeSpace(estimator.space), initial=1)
    found = (
        SearchLoop(searcher, Evaluations(estimator), Budget(searcher.space.size)).run().incumbent
    )
    if found is not None:
        print(estimator.space.format(found.measurement.architecture), found.measurement.validation)


if __name__ == "__main__":
    run_command(main)
