"""ENAS12: macro architectures of 12 layers with weight-sharing accuracies."""

from __future__ import annotations

from datasets.benchmarks.enas import final_structures, shared_weights

SOURCES = final_structures(12)
load = shared_weights("ENAS12", SOURCES)
