"""What networks are trained on and measured by."""
