"""The loops over features and samples: compiled, and beside each a plain twin to compare it with."""
