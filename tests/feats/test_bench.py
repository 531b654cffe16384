from __future__ import annotations

from ludus.feats import bench


def test_the_bench_measures_every_size_on_streams_of_the_same_mix() -> None:
    results = {result.feats: result for result in bench.run((20, 40), lanes=8, steps=40, rounds=1)}
    assert results.keys() == {20, 40}
    assert results[20].events == results[40].events > 100
    assert all(result.verdicts and result.events_per_s > 0 for result in results.values())


def test_its_stream_is_mostly_counters_as_pot_yards_is() -> None:
    events = [event for moment in bench.make_stream(100, 16, 100) for event in moment]
    counters = sum(event.kind == "counter_delta" for event in events)
    assert 0.8 < counters / len(events) < 0.9


def test_its_feats_are_of_every_scope_and_dedupe() -> None:
    feats = bench.make_feats(100)
    assert len(feats) == 100
    assert {feat.scope for feat in feats} == {"run", "stage", "lifetime"}
    assert {feat.dedupe for feat in feats} == {"once_per_run", "once_per_stage", "once", "best_only"}
