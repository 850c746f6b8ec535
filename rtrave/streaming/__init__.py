"""A live stream of a model: through a compiled graph (ONNX Runtime) or through torch, with the same results."""
