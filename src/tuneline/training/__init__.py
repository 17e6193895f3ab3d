"""A training: examples to batches, steps, checkpoints that survive a kill."""
