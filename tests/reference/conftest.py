"""Keeps test collection out of code that needs PyTorch to import."""

collect_ignore = ['torch_dd.py']
