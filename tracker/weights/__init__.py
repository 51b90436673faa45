"""Weights of frozen networks: which there are, where they lie, how they are read."""

from tracker.weights.registry import (
    ENVIRONMENT,
    REGISTRY,
    Loaded,
    Weights,
    WeightsError,
    add,
    checksum,
    entry,
    folder,
    load,
    path,
    verified,
    verify,
)

__all__ = [
    "ENVIRONMENT",
    "REGISTRY",
    "Loaded",
    "Weights",
    "WeightsError",
    "add",
    "checksum",
    "entry",
    "folder",
    "load",
    "path",
    "verified",
    "verify",
]
