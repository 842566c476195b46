"""Searches over a candidate set by the vectors of an embedding: a policy, and DNGO.

They are the searches of arch2vec (Yan, Zheng, Ao, Zeng, Zhang, *Does Unsupervised Architecture
Representation Learning Help Neural Architecture Search?*, NeurIPS 2020, arXiv:2006.06936), over any
embedding.
"""
