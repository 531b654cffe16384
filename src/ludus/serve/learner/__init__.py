"""Learners over HTTP: the routes, rollouts as they travel, and a worker's client."""
