"""Training models on folders of sound, and measuring how well a model does."""
