"""A module a kind: a whole component, and others that differ from it by one fault."""
