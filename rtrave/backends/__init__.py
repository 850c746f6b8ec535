"""What runs a model hop by hop: the protocol, and ONNX Runtime, PyTorch, a routed pair or TorchScript behind it."""
