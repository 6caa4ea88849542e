"""All that has effects: stepping, reducing over processes, precision, averages, checkpoints, logs."""
