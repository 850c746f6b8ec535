"""Compiles a model into ONNX graphs, with PyTorch, in a child process."""
