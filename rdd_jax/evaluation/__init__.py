"""How a training set is judged: by networks trained from scratch on it."""
