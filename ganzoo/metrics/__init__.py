"""Features of samples and formulas over them."""
