"""Fetching published files: transfers that resume, archives, checksums."""
