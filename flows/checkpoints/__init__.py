"""Checkpoints: folders in which the flow keeps its state, and all that is done with them while it does not run."""
