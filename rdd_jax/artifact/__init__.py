"""A distilled set on disk."""
