"""Searches in the latent space of a trained VAE."""
