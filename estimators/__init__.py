"""From an architecture to a measurement: look-up in a table, training from scratch, a function.

``docs/api.md`` says what each name is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiment.exports import exports

if TYPE_CHECKING:
    from estimators.design import Design
    from estimators.evaluations import Evaluations, sweep
    from estimators.fidelity import ByFidelity
    from estimators.from_scratch import FromScratch
    from estimators.lookup import LookUp
    from estimators.measurement import Estimator, Measurement, recorded_seconds
    from estimators.networks import (
        DESIGNS,
        ENASDesign,
        GINEDesign,
        MPNNBaselineDesign,
        MPNNDesign,
        NASBenchGraphDesign,
        NB101Design,
        NB201Design,
        PublishedMPNNDesign,
        load_design,
    )
    from estimators.node_designs import (
        AutoAttendDesign,
        AutoAttendPool1Design,
        GASSODesign,
        GATDesign,
        GCNDesign,
        GraphNASMacroDesign,
        GraphNASMicroDesign,
        SinglePathDesign,
    )
    from estimators.own_function import OwnFunction
    from estimators.recipe import Recipe
    from estimators.shared_weights import SharedWeights
    from estimators.store import Store
    from estimators.supernet_training import OneShotRecipe
    from estimators.surrogate import PredictorEstimator
    from estimators.tasks.data_sets import DATA_SETS
    from estimators.tasks.images import ImageClassification, ImageRecipe
    from estimators.tasks.molecules import MoleculeRecipe, MoleculeTask
    from estimators.tasks.nodes import NodeRecipe, NodeTask
    from estimators.tasks.task import Dimensions, PreparedTask, Task
else:
    __all__, __getattr__, __dir__ = exports(
        __name__,
        {
            "design": ["Design"],
            "evaluations": ["Evaluations", "sweep"],
            "fidelity": ["ByFidelity"],
            "from_scratch": ["FromScratch"],
            "lookup": ["LookUp"],
            "measurement": ["Estimator", "Measurement", "recorded_seconds"],
            "networks": [
                "DESIGNS",
                "ENASDesign",
                "GINEDesign",
                "MPNNBaselineDesign",
                "MPNNDesign",
                "NB101Design",
                "NB201Design",
                "NASBenchGraphDesign",
                "PublishedMPNNDesign",
                "load_design",
            ],
            "node_designs": [
                "AutoAttendDesign",
                "AutoAttendPool1Design",
                "GASSODesign",
                "GATDesign",
                "GCNDesign",
                "GraphNASMacroDesign",
                "GraphNASMicroDesign",
                "SinglePathDesign",
            ],
            "own_function": ["OwnFunction"],
            "recipe": ["Recipe"],
            "shared_weights": ["SharedWeights"],
            "store": ["Store"],
            "supernet_training": ["OneShotRecipe"],
            "surrogate": ["PredictorEstimator"],
            "tasks.data_sets": ["DATA_SETS"],
            "tasks.images": ["ImageClassification", "ImageRecipe"],
            "tasks.molecules": ["MoleculeRecipe", "MoleculeTask"],
            "tasks.nodes": ["NodeRecipe", "NodeTask"],
            "tasks.task": ["Dimensions", "PreparedTask", "Task"],
        },
    )
