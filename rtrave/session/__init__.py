"""Takes on disk: written while playing, readable after a kill at any moment."""
