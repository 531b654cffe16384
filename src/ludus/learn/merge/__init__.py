"""Merging: from specialists with one ancestor to one net, and what decides whether it is any better."""

from ludus.learn.merge.methods import METHODS, MergeConfig
from ludus.learn.merge.similarity import Similarity, compare
from ludus.learn.merge.weights import merge_weights

__all__ = ["METHODS", "MergeConfig", "Similarity", "compare", "merge_weights"]
