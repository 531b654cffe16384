"""The only loops: they know World, Policy and what reads along, nothing else."""
