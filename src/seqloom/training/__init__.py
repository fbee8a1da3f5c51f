"""The training loop, its events, its optimiser and its checkpoints."""
