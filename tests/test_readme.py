"""The examples of the README do what it says."""
