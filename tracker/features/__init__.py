"""Frozen networks: from an image and boxes to samples. Nothing here learns, or knows which method asks."""
