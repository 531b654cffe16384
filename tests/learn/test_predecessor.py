"""What was wrong in the training of the system before this one, and the test that would catch each of it here."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CAUGHT = {
    "role rewards were written and never called": "potyard/test_world.py::"
    "test_roles_reward_differently_and_generalist_is_the_default",
    "a role's weights did not reach what it learned from": "run/test_league.py::"
    "test_a_league_trains_each_role_from_one_ancestor_and_goes_on_where_it_was",
    "the value of the last frame was taken for that of the one after it": "run/test_train_collect.py::"
    "test_log_probs_and_values_are_those_of_the_net_that_acted",
    "advantages looked at the wrong value": "learn/test_advantage.py::test_it_is_the_naive_sum_over_the_future",
    "cut off was the same as over": "learn/test_advantage.py::"
    "test_a_truncated_step_goes_on_from_its_final_frame_and_not_from_the_next_episode",
    "an update kept everybody else waiting": "serve/test_learner_meanwhile.py::"
    "test_weights_and_metrics_are_given_while_an_update_is_computed",
    "lost rollouts were silent": "serve/test_learner_api.py::test_a_learner_that_is_behind_says_so",
    "the version was saved and not restored": "run/test_workers_and_learner.py::"
    "test_a_learner_goes_on_from_its_folder_with_its_version",
    "a restarted learner gave its workers nothing": "serve/test_learner_api.py::"
    "test_a_worker_whose_learner_was_restarted_registers_again",
    "one worker's hparams changed everybody's net": "serve/test_learner_meanwhile.py::"
    "test_no_hparams_of_a_worker_change_what_is_learned",
    "a quarter of the steps of a memory were never learned from": "learn/test_ppo_settings.py::"
    "test_every_step_is_learned_from_once_in_every_epoch",
    "log-probs of a memory came from another state than it had": "learn/test_ppo.py::"
    "test_the_first_minibatch_sees_both_terms_of_the_ratio_alike",
    "memory was not what single steps remember": "nets/test_encoders.py::"
    "test_unrolled_memory_is_what_single_steps_remember",
    "settings of the update were read and not used": "learn/test_ppo_settings.py::"
    "test_no_setting_is_read_and_then_forgotten",
    "an overflow under AMP fell back to an unscaled step": "learn/test_ppo_settings.py::"
    "test_a_step_that_overflows_is_left_out_and_never_taken_unscaled",
    "rollouts bore no version of the policy": "run/test_workers_and_learner.py::"
    "test_a_stale_rollout_is_corrected_and_one_too_old_is_refused",
    "overridden actions were learned from as the policy's own": "learn/test_ppo.py::"
    "test_forced_actions_teach_the_critic_alone",
    "a checkpoint that did not fit was loaded in part": "learn/test_checkpoint.py::"
    "test_weights_of_another_net_are_refused_whole",
    "a pixel net saw one token": "nets/test_encoders.py::test_patches_are_those_of_a_strided_convolution",
    "an autoencoder of one token hid nothing": "learn/test_mae.py::"
    "test_a_picture_of_one_patch_is_refused_and_so_is_hiding_nothing_or_all",
    "an autoencoder told its own features": "learn/test_mae.py::"
    "test_it_tells_what_is_hidden_from_the_rest_and_the_same_again",
    "what was hidden leaked": "learn/test_mae.py::test_nothing_of_what_is_hidden_leaks",
    "the mask was of the first branch only": "nets/test_actions.py::test_what_a_mask_forbids_is_never_drawn",
    "numbers were clipped before their log-prob was taken": "nets/test_actions.py::"
    "test_box_actions_are_clipped_for_the_world_alone",
    "the shift of pictures differed between the terms of the ratio": "learn/test_ppo.py::"
    "test_the_first_minibatch_sees_both_terms_of_the_ratio_alike",
    "nobody looked whether rewards had anything to do with it": "learn/test_ppo_settings.py::"
    "test_with_rewards_of_other_steps_nothing_is_learned",
    "an artefact was saved that had learned nothing": "run/test_pretrain.py::"
    "test_on_pot_yard_it_beats_its_untrained_twin",
    "chances depended on Python's hash": "learn/test_ppo.py::"
    "test_an_update_leaves_its_learner_alone_and_gives_the_same_again",
}


@pytest.mark.parametrize("wrong", CAUGHT)
def test_what_went_wrong_before_has_its_test(wrong: str) -> None:
    path, _, name = CAUGHT[wrong].partition("::")
    assert name in _tests(path)


@cache
def _tests(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
