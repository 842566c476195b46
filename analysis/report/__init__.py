"""One page of the runs of all stages: ``python -m analysis.report``."""
