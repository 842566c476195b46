"""What an architecture is, the search spaces, and where measured numbers come from.

Importing reads no file. A package called ``datasets`` exists elsewhere too; this project is run
from its own folder, with the repository root first on the path. ``docs/api.md`` says what each name
is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiment.exports import exports

if TYPE_CHECKING:
    from datasets.architecture_files import read_architectures
    from datasets.batch import GraphBatch, as_batch
    from datasets.benchmark import Benchmark, Metric, NoMeasurementsError, Record
    from datasets.canonical import canonical_form
    from datasets.citation_graphs import NodeGraph, NodeSplit, get_node_graph
    from datasets.edit_distance import edit_distances
    from datasets.fidelities import fidelity_tables
    from datasets.fixed_network import FixedNetwork
    from datasets.graph import ArchitectureError, ArchitectureGraph
    from datasets.hyperparameters import among, between
    from datasets.images import ImageData, LabelledImages, get_images
    from datasets.io_files import read_io_set
    from datasets.io_set import IOSet
    from datasets.io_targets import PREPROCESSINGS
    from datasets.labels import LabelledSet
    from datasets.latent_files import load_latents, save_latents
    from datasets.measurement_files import Measurements, read_measurements
    from datasets.molecules import MoleculeData, MoleculeSource, get_molecules
    from datasets.objective import ACCURACY, Objective
    from datasets.pruning import prune
    from datasets.registry import BENCHMARKS, SPACES, get_benchmark, get_space
    from datasets.space import SearchSpace
    from datasets.spaces.decisions import DecisionSpace
    from datasets.spaces.kinds import Kind
    from datasets.splits import Split, split_rows
    from datasets.testing import check_space
else:
    __all__, __getattr__, __dir__ = exports(
        __name__,
        {
            "architecture_files": ["read_architectures"],
            "batch": ["GraphBatch", "as_batch"],
            "benchmark": ["Benchmark", "Metric", "NoMeasurementsError", "Record"],
            "canonical": ["canonical_form"],
            "citation_graphs": ["NodeGraph", "NodeSplit", "get_node_graph"],
            "edit_distance": ["edit_distances"],
            "fidelities": ["fidelity_tables"],
            "fixed_network": ["FixedNetwork"],
            "hyperparameters": ["among", "between"],
            "graph": ["ArchitectureError", "ArchitectureGraph"],
            "images": ["ImageData", "LabelledImages", "get_images"],
            "io_files": ["read_io_set"],
            "io_set": ["IOSet"],
            "io_targets": ["PREPROCESSINGS"],
            "labels": ["LabelledSet"],
            "latent_files": ["load_latents", "save_latents"],
            "measurement_files": ["Measurements", "read_measurements"],
            "molecules": ["MoleculeData", "MoleculeSource", "get_molecules"],
            "objective": ["ACCURACY", "Objective"],
            "pruning": ["prune"],
            "registry": ["BENCHMARKS", "SPACES", "get_benchmark", "get_space"],
            "space": ["SearchSpace"],
            "spaces.decisions": ["DecisionSpace"],
            "spaces.kinds": ["Kind"],
            "splits": ["Split", "split_rows"],
            "testing": ["check_space"],
        },
    )
