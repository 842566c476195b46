"""Short scripts, each of them one thing to learn; run from the repository root."""
