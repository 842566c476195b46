"""The modules of the public package's ``nasbench.lib`` that need no TensorFlow."""

from datasets.nasbench import config, graph_util, model_spec

__all__ = ["config", "graph_util", "model_spec"]
