"""Independent implementations that the library is measured against."""
