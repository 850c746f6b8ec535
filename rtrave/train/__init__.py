"""Training of models on folders of sound, and measurements of how well a model reconstructs sound."""
