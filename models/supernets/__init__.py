"""Supernets: the shared weights of all architectures of a space."""
