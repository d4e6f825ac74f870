"""Out-of-distribution detection: scores and metrics."""
