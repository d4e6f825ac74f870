"""Out-of-distribution data: test sets, and real outliers to train on."""
