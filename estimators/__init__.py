"""From an architecture to a measurement: look-up in a table, or training from scratch."""
