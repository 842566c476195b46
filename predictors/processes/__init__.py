"""Gaussian processes: kernels, exact and sparse regression, over a list of candidates."""
