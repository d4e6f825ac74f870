"""Label noise: injected, or by human annotators."""
