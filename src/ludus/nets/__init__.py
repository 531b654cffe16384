"""Torch modules, each with its settings and its loss beside it. B batch, T steps, N lanes, K stack, H W pixels."""
