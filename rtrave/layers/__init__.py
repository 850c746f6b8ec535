"""Streaming layers: each is defined once and runs two ways, `forward` on a whole signal and `step` on a block."""
