"""From a float tree to an integer tree: weight codes, activation scales, multipliers, tables."""
