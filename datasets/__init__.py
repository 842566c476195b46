"""What an architecture is, the search spaces, and where measured numbers come from.

Importing reads no file. A package called ``datasets`` exists elsewhere too; this project is run
from its own folder, with the repository root first on the path.
"""

from datasets.registry import get_benchmark, get_space

__all__ = ["get_benchmark", "get_space"]
