"""Readers of files and directories of data."""
