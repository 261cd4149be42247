"""The verbs by which both intakes write nodes: they take plain values and know neither PyTorch nor ONNX."""
