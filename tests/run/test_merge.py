"""Merging from checkpoints to a verdict, with agents of CartPole whose weights are set by hand."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from ludus.core.errors import AncestryError, InputError
from ludus.learn.checkpoint import find_checkpoint, read_checkpoint
from ludus.learn.distil import DistilConfig
from ludus.learn.merge import MergeConfig
from ludus.learn.merge.family import common_ancestor, read_family
from ludus.learn.merge.gate import GateConfig
from ludus.learn.optim import OptimConfig
from ludus.learn.policy import load_policy
from ludus.run.distil import distil_student
from ludus.run.merge import MergeReport, Trial, merge
from ludus.run.recipe import read_recipe
from ludus.run.train import train
from tests.run.family import agent_of_skill, family_of_skills, save_run
from tests.run.family import one_thread as one_thread

EPISODES = 4
TRIAL = Trial(GateConfig(episodes=EPISODES, resamples=200), episodes=EPISODES)
AVERAGE = MergeConfig(method="linear")


def _merge(tmp_path: Path, runs: list[Path], **more: object) -> MergeReport:
    settings: dict[str, object] = {"config": AVERAGE, "trial": TRIAL} | more
    return merge(runs, tmp_path / "god", ancestor=tmp_path / "generalist", **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MergeReport, list[object]]:
    """A merge of the skilled, and what it told on the way."""
    folder = tmp_path_factory.mktemp("promoted")
    told: list[object] = []
    return (
        folder,
        _merge(folder, family_of_skills(folder, 8.0, 4.0), on_start=told.append, on_episode=told.append),
        told,
    )


def test_a_merge_of_the_skilled_is_promoted(promoted: tuple[Path, MergeReport, list[object]]) -> None:
    _, report, told = promoted
    assert report.promoted, report.reason
    assert (told[0], len(told)) == (4 * EPISODES, 1 + 4 * EPISODES)
    assert report.gate is not None
    assert sorted(report.gate.average) == ["ancestor", "merged", "run0", "run1"]
    assert report.gate.roles[0].returns["merged"].value > 2 * report.gate.roles[0].returns["ancestor"].value


def test_what_is_promoted_can_be_named_like_a_run(promoted: tuple[Path, MergeReport, list[object]]) -> None:
    folder, report, _ = promoted
    checkpoint, facts = read_checkpoint(find_checkpoint(folder / "god"))
    generalist = read_checkpoint(find_checkpoint(folder / "generalist"))[0].digest
    assert (checkpoint.digest, checkpoint.step, checkpoint.updates) == (report.digest, 200, 0)
    assert (facts.lineage, checkpoint.parent) == ((generalist,), generalist)
    weights = load_policy(folder / "god").agent.state_dict()
    assert weights["head.layer.weight"][:, 0].tolist() == [-6.0, 6.0]
    assert weights["value.bias"].tolist() == [0.0]  # the critic is the ancestor's


def test_the_report_is_written_beside_it(promoted: tuple[Path, MergeReport, list[object]]) -> None:
    folder, report, _ = promoted
    written = json.loads((folder / "god" / "merge.json").read_text())
    assert written == json.loads(json.dumps(asdict(report)))
    assert written["similarity"]["pairs"][0]["cosine"] == pytest.approx(1.0)
    assert [source["name"] for source in written["sources"]] == ["run0", "run1"]


def test_a_merge_of_opposites_stays_a_candidate(tmp_path: Path) -> None:
    report = _merge(tmp_path, family_of_skills(tmp_path, 8.0, -8.0))
    assert not report.promoted
    assert "not better on average" in report.reason
    assert report.similarity.pairs[0].cosine == pytest.approx(-1.0)
    assert report.checkpoint is not None and Path(report.checkpoint).parent == tmp_path / "god" / "candidate"
    with pytest.raises(InputError, match="no checkpoint"):
        find_checkpoint(tmp_path / "god")


def test_what_was_played_is_not_played_again_and_a_worse_merge_leaves_the_one_before_it(tmp_path: Path) -> None:
    good, other, bad = family_of_skills(tmp_path, 8.0, 4.0, -8.0)
    first = _merge(tmp_path, [good, other])
    told: list[object] = []
    again = _merge(tmp_path, [good, other], config=MergeConfig(density=1.0), on_episode=told.append)
    assert (again.promoted, again.digest, told) == (True, first.digest, [])  # of like signs TIES makes the same mean
    worse = _merge(tmp_path, [bad, bad])
    assert not worse.promoted
    assert worse.reason.startswith("Not promoted: worse than the ancestor")
    assert read_checkpoint(find_checkpoint(tmp_path / "god"))[0].digest == first.digest != worse.digest


def test_a_dry_run_reports_and_writes_nothing(tmp_path: Path) -> None:
    report = _merge(tmp_path, family_of_skills(tmp_path, 8.0, 4.0), dry_run=True)
    assert (report.promoted, report.checkpoint, report.gate) == (False, None, None)
    assert report.reason == "Not promoted: a dry run, nothing was written."
    assert report.similarity.size == 4 * 64 + 64 + 64 * 64 + 64 + 2 * 64 + 2
    assert not (tmp_path / "god").exists()


def test_what_was_not_played_is_not_promoted(tmp_path: Path) -> None:
    report = _merge(tmp_path, family_of_skills(tmp_path, 8.0, 4.0), trial=None)
    assert (report.promoted, report.gate, report.reason) == (False, None, "Not promoted: it was not played.")
    assert load_policy(tmp_path / "god" / "candidate").agent.state_dict()["head.layer.weight"][1, 0] == 6.0


def test_a_student_is_shown_beside_the_rest(tmp_path: Path) -> None:
    runs = family_of_skills(tmp_path, 8.0, 0.1)
    report = _merge(tmp_path, runs, student=runs[1])
    assert report.gate is not None
    assert list(report.gate.lead) == ["run0", "student"]
    assert "The distilled student is worse" in report.reason


def test_a_student_is_distilled_where_one_is_asked_for(tmp_path: Path) -> None:
    report = _merge(tmp_path, family_of_skills(tmp_path, 8.0, 4.0), distil_steps=2_000)
    assert report.gate is not None
    assert "student" in report.gate.lead
    student, facts = read_checkpoint(find_checkpoint(tmp_path / "god" / "student"))
    assert (student.step, facts.lineage) == (2_048, (report.ancestor.digest,))


def test_a_student_learns_to_push_as_its_teacher_does(tmp_path: Path) -> None:
    family = read_family(family_of_skills(tmp_path, 2.0), ancestor=tmp_path / "generalist")
    told: list[float] = []
    config = DistilConfig(optim=OptimConfig(lr=0.02))
    distil_student(
        family, tmp_path / "student", steps=12_000, config=config, on_update=lambda _, nats: told.append(nats)
    )
    assert told[-1] < told[0] / 4
    weights = load_policy(tmp_path / "student").agent.state_dict()["head.layer.weight"]
    assert float(weights[1, 0] - weights[0, 0]) > 1.0


def test_the_ancestor_is_found_in_a_run_that_keeps_a_copy(tmp_path: Path) -> None:
    runs = family_of_skills(tmp_path, 8.0, 4.0)
    with pytest.raises(AncestryError, match=r"is in none of .*run0/ancestor.*--ancestor"):
        read_family(runs)
    (runs[1] / "ancestor").symlink_to(find_checkpoint(tmp_path / "generalist"))
    family = read_family(runs)
    generalist = read_checkpoint(find_checkpoint(tmp_path / "generalist"))[0]
    assert family.ancestor.checkpoint.digest == generalist.digest
    assert {name.partition(".")[0] for name in family.kept} == {"value", "critic"}


def test_runs_that_began_with_an_ancestor_are_a_family_also_after_they_went_on(tmp_path: Path) -> None:
    def run(name: str, ancestor: Path | None = None, steps: int = 128) -> Path:
        small = ["--run.lanes=4", "--run.horizon=16", "--run.tensorboard=False"]
        recipe = read_recipe("CartPole-v1", None, [f"--run.steps={steps}", f"--run.seed={len(name)}", *small])
        train(recipe, tmp_path / name, ancestor=ancestor)
        return tmp_path / name

    generalist = run("generalist")
    digest = read_checkpoint(find_checkpoint(generalist))[0].digest
    scout, killer = run("scout", generalist), run("killer", generalist)
    run("scout", steps=256)
    run("generalist", steps=256)
    family = read_family([scout, killer])
    assert family.ancestor.checkpoint.digest == digest
    grandchild = run("grandchild", scout)
    assert read_family([grandchild, killer], ancestor=killer / "ancestor").ancestor.checkpoint.digest == digest


def test_strangers_are_refused_by_name(tmp_path: Path) -> None:
    (run,) = family_of_skills(tmp_path, 8.0)
    save_run(tmp_path / "stranger", agent_of_skill(4.0))
    with pytest.raises(AncestryError, match=r"run0 comes from [0-9a-f]{12}; stranger comes from none"):
        read_family([run, tmp_path / "stranger"])
    with pytest.raises(AncestryError, match="has the digest"):
        read_family([run], ancestor=tmp_path / "stranger")


def test_players_of_unlike_games_are_refused(tmp_path: Path) -> None:
    (run,) = family_of_skills(tmp_path, 8.0)
    lineage = read_checkpoint(find_checkpoint(run))[1].lineage
    save_run(tmp_path / "other", agent_of_skill(4.0), lineage, game="Acrobot-v1")
    with pytest.raises(InputError, match=r"\['Acrobot-v1', 'CartPole-v1'\], expected one game"):
        read_family([run, tmp_path / "other"])


def test_the_nearest_common_ancestor_is_taken() -> None:
    assert common_ancestor({"a": ("scout", "general"), "b": ("general",)}) == "general"
    assert common_ancestor({"a": ("scout", "general"), "b": ("scout", "general")}) == "scout"
    with pytest.raises(AncestryError, match="a comes from x, y; b comes from z"):
        common_ancestor({"a": ("x", "y"), "b": ("z",)})


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    ancestor = save_run(tmp_path / "generalist", agent_of_skill(0.0))
    for folder in ("a", "b"):
        save_run(tmp_path / folder / "scout", agent_of_skill(1.0), (ancestor,))
    family = read_family([tmp_path / "a" / "scout", tmp_path / "b" / "scout"], ancestor=tmp_path / "generalist")
    assert len({member.name for member in family.sources}) == 2
