"""Short scripts, each for one topic; run from the repository root."""
