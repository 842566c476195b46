"""Searches that train the shared weights of a supernet and choose among its paths."""
