"""Published settings of each method on each data set."""
