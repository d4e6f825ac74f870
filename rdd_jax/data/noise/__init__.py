"""Label noise: injected by a noise model, or from human annotators."""
