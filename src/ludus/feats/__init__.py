"""Feats: rules over what happens in a game, and the verdicts, unlocks and contract that follow from them."""
