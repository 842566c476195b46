"""What users run with ``python -m datasets.…``, and flags that commands have in common."""
