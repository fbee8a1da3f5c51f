"""Show the progress of long work in a terminal, a notebook or a log."""
