"""Group DRO: risks over groups, balance, and the discovery of groups."""
