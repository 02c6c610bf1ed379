"""From a seed and a name to the lattice points of the weights: keys, words and lattices (sections 1 to 3)."""
