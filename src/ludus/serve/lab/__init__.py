"""A lab's processes: which they are, how they are kept running, and the demo of all of it."""
