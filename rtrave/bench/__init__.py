"""Timing of hops on this computer, relative to the hop's duration, the memory bandwidth and a TorchScript export."""
