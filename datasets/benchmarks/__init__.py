"""Search spaces with measured numbers, one module a benchmark."""
