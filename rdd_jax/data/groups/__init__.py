"""Subgroups that are made rare, and the cues that mark them."""
