"""Signal processing on NumPy arrays: levels, limiter, gate, resampler, curves, denormals."""
