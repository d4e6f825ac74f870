"""Configurations: fields, presets, and the objects that they name."""
