"""Goals: screens to reach, as verdicts, as a gate that a trace must pass, and as rewards to learn from."""
