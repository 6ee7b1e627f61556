"""Random numbers: `streams` for compiled code, `arrays` the same numbers in NumPy."""
