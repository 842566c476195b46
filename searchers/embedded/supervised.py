"""The supervised baselines of arch2vec: an encoder that only the search trains.

Yan, Zheng, Ao, Zeng, Zhang, NeurIPS 2020, arXiv:2006.06936: arch2vec's encoder with one head, over
the edges in their direction, beside a policy or under a Bayesian linear regression. What it gives
changes with every update, so that the vectors of all architectures are made again each time.
:class:`DistinctNodes` makes that affordable.
"""
