"""Predicts what a run does, how long it takes, and how much memory."""
