"""What a Dask worker loads before its first task: ``dask worker --preload tracker.vot.worker``."""

from tracker.vot.evaluation.worker import dask_setup as dask_setup
