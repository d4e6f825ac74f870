"""A run: its stages, its work directory, its baselines and outputs."""
