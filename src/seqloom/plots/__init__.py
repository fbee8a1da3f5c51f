"""Pictures of a training and of what temperature does."""
