"""Readers of the files that others publish, one module a format, each giving a compact table."""
