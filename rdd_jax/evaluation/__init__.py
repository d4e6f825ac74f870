"""Evaluates a training set: metrics of networks trained on it from scratch."""
