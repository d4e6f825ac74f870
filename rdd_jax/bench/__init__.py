"""Seconds and bytes of this library and of plain PyTorch."""
