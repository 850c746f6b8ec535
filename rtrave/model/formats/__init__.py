"""The files that models come in."""
