"""Draws the figures of a run, for its page and for a paper's column.

Each function returns a `matplotlib.figure.Figure`, made without pyplot; `style`
says how they look, and writes them. matplotlib is imported by the first figure
that is drawn, not before.
"""
