"""TAD, its parts, and what it is compared with."""
