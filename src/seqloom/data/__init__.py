"""From token stores to batches: what is trained on, what validates, and in which order it is read."""
