"""A learner elsewhere, as a worker's link: the same calls, over HTTP, in the raw form."""

from __future__ import annotations

from typing import Any

import httpx

from ludus.core.errors import InputError
from ludus.run.learner import Played, Receipt, Registered, RolloutError, Weights
from ludus.run.recipe import Recipe
from ludus.serve.learner.api import RAW
from ludus.serve.learner.rollouts import pack_rollout

REASONS = ("unregistered", "stale", "future", "spent", "busy", "invalid", "diverged", "unknown_policy")


class HttpLearner:
    """The learner of a policy behind a client that brings the token."""

    def __init__(self, client: httpx.Client, policy: str) -> None:
        self._client, self._policy = client, policy

    def register(self, worker: str) -> Registered:
        """Take a worker in. Raises `RolloutError`, and `InputError` where the learner is away."""
        told = self._ask("POST", "/register_worker", json={"instance_id": worker, "policy_name": self._policy}).json()
        weights = self.weights()
        assert weights is not None, "weights are given to whoever has none"
        return Registered(self._policy, Recipe.model_validate(told["recipe"]), told["seed"], weights)

    def weights(self, since: int = -1) -> Weights | None:
        """Give the newest weights, None where they are those of version `since`."""
        asked = {"policy_name": self._policy, "since_version": since}
        answer = self._ask("GET", "/get_weights", params=asked, headers={"accept": RAW})
        return None if answer.status_code == 204 else Weights(int(answer.headers["x-ludus-version"]), answer.content)

    def push(self, played: Played) -> Receipt:
        """Learn from a rollout. Raises `RolloutError`."""
        asked = {"policy_name": self._policy, "instance_id": played.worker}
        asked |= {} if played.version is None else {"policy_version": str(played.version)}
        headers = {"content-type": RAW}
        told = self._ask("POST", "/push_rollout", params=asked, content=pack_rollout(played), headers=headers).json()
        names = ("version", "lag", "corrected", "step", "done")
        return Receipt(**{name: told[name] for name in names}, metrics=told["losses"])

    def _ask(self, method: str, path: str, **told: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, path, **told)
        except httpx.TransportError as error:
            raise InputError(f"no learner answers at {self._client.base_url}: {error}; see that it runs.") from error
        if answer.is_success:
            return answer
        try:
            refusal = answer.json()
            reason, detail = refusal["error"], refusal["detail"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{answer.url} answered {answer.status_code}, expected a learner.") from error
        if reason in REASONS:
            more = {name: refusal[name] for name in ("field", "version") if name in refusal}
            raise RolloutError(reason, detail, **more)
        raise InputError(f"{answer.url} refused ({answer.status_code}): {detail}")
