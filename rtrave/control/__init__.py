"""Control parameters: the one table, its vector, and what a message may do to it. NumPy only, no torch."""
