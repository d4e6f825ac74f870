"""Images as arrays: augmentation and preprocessing."""
