"""Backends, which run a model hop by hop: the protocol, with ONNX Runtime, PyTorch or TorchScript behind it."""
