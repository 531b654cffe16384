"""The orchestrator's routes, the shapes of their answers, and the lab that they work with."""
