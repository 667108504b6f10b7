"""Training of scorers: from history to an ONNX model that is proved not to peek."""
