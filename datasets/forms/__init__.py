"""The named forms in which libraries and tables write the architectures of a space."""
