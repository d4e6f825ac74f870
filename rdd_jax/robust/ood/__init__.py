"""TrustDD: exposure to outliers."""
