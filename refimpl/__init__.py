"""Integer-exact reference of recursive reasoners (TRM, HRM): the oracle."""
