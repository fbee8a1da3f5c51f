"""Language models: train on a source, evaluate, report."""
