"""Pure updates from rollouts to weights, and the files that weights are kept in. T steps, N lanes, K stack."""
