"""From an architecture to a predicted value and its deviation."""
