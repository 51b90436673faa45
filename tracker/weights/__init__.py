"""Weights of frozen networks: which there are, where they lie, how they are read."""
