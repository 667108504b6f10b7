"""What can be trained: a file a kind of model."""
