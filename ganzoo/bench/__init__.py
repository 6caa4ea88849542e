"""Benchmarks: what a step computes, what this machine can do, and how fast training and sampling are."""
