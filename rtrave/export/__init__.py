"""Export of models for other programs: ONNX graphs, and TorchScript for nn~."""
