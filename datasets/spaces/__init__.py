"""The search spaces, one file each, and what they share."""
