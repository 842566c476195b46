"""A whole search as one declaration: :class:`~searchers.declared.problem.NASProblem`."""
