"""Generate text for a requested rating."""
