"""How long a hop takes here, against the hop itself, the memory and the peer."""
