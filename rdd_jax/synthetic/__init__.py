"""The synthetic set: parameters, initialization, coresets, optimizers."""
