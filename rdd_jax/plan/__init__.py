"""Predicts what a run takes."""
