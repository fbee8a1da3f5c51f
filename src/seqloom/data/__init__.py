"""From token stores to batches: splits, the order of reading, and the conditions of the documents."""
