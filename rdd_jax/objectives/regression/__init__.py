"""Objectives that fit a ridge regression on the synthetic set."""
