"""From a seed and a name to lattice points: keys, words, and the integer laws under every weight (sections 1 to 3)."""
