"""Models for other programs: plain ONNX graphs, and TorchScript for nn~."""
