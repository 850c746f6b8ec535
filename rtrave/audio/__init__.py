"""The audio process: device, callback, and the drivers that run an engine behind it."""
