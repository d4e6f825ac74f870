"""Distribution shift: clusters, corruptions, attacks."""
