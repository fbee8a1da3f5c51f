"""Where the parts meet: training a run, opening it, measuring it and drawing it."""
