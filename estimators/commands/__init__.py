"""What users run with ``python -m estimators.…``, and what commands that train have in common."""
