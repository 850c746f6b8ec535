"""Control parameters: the table of addresses, the control vector, and the effect of messages. NumPy only, no torch."""
