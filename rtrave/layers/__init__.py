"""Streaming layers: each defined once, read two ways (`forward` on a whole signal, `step` on a block)."""
