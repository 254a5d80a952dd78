"""`eval` on small suites of our own, whose figures can be counted by hand."""

import gzip
import json

import pytest

from llm_router.classify.judge import classify
from llm_router.cli import eval_metrics as metrics
from llm_router.cli.eval_calibration import calibration
from llm_router.cli.eval_metrics import Outcomes

PROMPTS = [f"{'prove that it can never deadlock and' * (n % 5)} rename x to y{n}" for n in range(40)]


@pytest.fixture
def data(tmp_path):
    """One suite where the strong model helps exactly where the classifier expects it to, one where it never helps."""
    order = sorted(PROMPTS, key=lambda prompt: classify(prompt).gain)
    folder = tmp_path / "data"
    (folder / "suites").mkdir(parents=True)
    about = {"pairs": [["w", "s"]], "train_ok": True}
    (folder / "suites.json").write_text(json.dumps({"good": about, "flat": about}))
    for name in ("good", "flat"):
        lines = [
            {
                "id": prompt,
                "split": "dev",
                "domain": "x",
                "prompt": prompt,
                "scores": {"w": 0.0, "s": float(name == "good" and place >= 20)},
                "cost": {"w": 0.001, "s": 0.01},
            }
            for place, prompt in enumerate(order)
        ]
        with gzip.open(folder / "suites" / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.write("\n".join(map(json.dumps, lines)))
    return folder


@pytest.fixture
def labelled(tmp_path):
    rows = [
        {"prompt": prompt, "task_type": "code", "complexity": "simple", "tags": ["short"]}
        for prompt in PROMPTS
    ]
    path = tmp_path / "labelled.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_a_suite_is_told_beside_the_fixed_choices(cli, data):
    body = cli("eval", "--data", str(data), "--draws", "20", "--json").json
    assert [row["suite"] for row in body["suites"]] == ["good"]  # nothing to route between in the other
    row = body["suites"][0]
    assert (row["always_small"], row["always_frontier"], row["prompts"]) == (0.0, 0.5, 40)
    assert row["apgr"] > 0.7
    assert row["low"] <= row["apgr"] <= row["high"]
    assert row["cpt_50"] < 0.5
    assert row["cost_95"] < 1
    assert body["latency_us"]["prompts"] == 40
    told = cli("eval", "--data", str(data), "--draws", "20").out
    assert "Mean APGR of 1 suites" in told


def test_labels_are_counted_by_slice(cli, labelled):
    body = cli("eval", "--labelled", str(labelled), "--draws", "20", "--json").json
    assert [row["slice"] for row in body["labels"]] == ["all", "short"]
    assert body["labels"][0]["prompts"] == 40
    right = [classify(prompt).task == "code" for prompt in PROMPTS]
    assert body["labels"][0]["task"][0] == sum(right) / 40


def test_the_tables_go_between_the_marks_of_a_file(cli, data, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- measured: routing quality -->\nold\n<!-- measured until here -->\nafter\n")
    assert cli("eval", "--data", str(data), "--draws", "5", "--write", str(page)).code == 0
    text = page.read_text("utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| good | 40 |" in text
    assert "old" not in text
    page.write_text("no marks")
    assert cli("eval", "--data", str(data), "--draws", "5", "--write", str(page)).code == 2


def test_what_cannot_be_judged_by_is_a_wrong_call(cli, tmp_path, data):
    assert cli("eval").code == 2
    assert "--labelled" in cli("eval", "--write", str(tmp_path / "page.md")).err
    assert "suites.json" in cli("eval", "--data", str(tmp_path / "none")).err
    assert cli("eval", "--data", str(data), "--split", "held").code == 2
    broken = tmp_path / "broken.bin"
    broken.write_bytes(b"x" * 100)
    assert "not an artefact" in cli("eval", "--data", str(data), "--artefact", str(broken)).err


def test_routing_no_better_than_chance_is_said_plainly(cli, data):
    path = data / "suites" / "good.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    for place, line in enumerate(lines):
        line["scores"]["s"] = float(place < 20)  # the gain is where it is not expected
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    assert (
        "good: no better than chance here: pin one model"
        in cli("eval", "--data", str(data), "--draws", "20").out
    )


def test_chances_are_held_against_what_was(cli, data):
    body = cli("eval", "--data", str(data), "--draws", "5", "--json").json
    one, whole = body["calibration"]
    assert (one["suite"], whole["suite"], whole["prompts"]) == ("good", "all", 40)
    assert one["small"]["was"] == 0.0
    assert one["small"]["said"] == pytest.approx(one["small"]["error"])  # whatever it said was too much
    assert one["frontier"]["was"] == 0.5
    assert one["frontier"]["constant"] == pytest.approx(0.25)


def test_a_calibrated_chance_errs_by_nothing():
    outcomes = [float(n % 10 < 3) for n in range(200)]
    found = calibration([0.3] * 200, outcomes)
    assert (found.said, found.was) == (pytest.approx(0.3), pytest.approx(0.3))
    assert found.error == pytest.approx(0.0, abs=1e-9)
    assert found.brier == pytest.approx(found.constant) == pytest.approx(0.21)
    sure = calibration([float(n % 2) for n in range(100)], [float(n % 2) for n in range(100)])
    assert (sure.error, sure.brier) == (0.0, 0.0)
    wrong = calibration([1.0] * 50, [0.0] * 50)
    assert (wrong.error, wrong.brier) == (pytest.approx(1.0), 1.0)


def test_the_metrics_are_those_counted_by_hand():
    found = Outcomes([0, 0, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [3, 3, 3, 3])
    best, worst, chance = (metrics.blocks(scores) for scores in ([4, 3, 2, 1], [1, 2, 3, 4], [0, 0, 0, 0]))
    assert metrics.apgr(best, found) == pytest.approx(0.75)
    assert metrics.apgr(worst, found) == pytest.approx(0.25)
    assert metrics.apgr(chance, found) == pytest.approx(0.5)
    assert metrics.cpt(best, found, 0.5) == pytest.approx(0.25)
    assert metrics.cpt(chance, found, 0.8) == pytest.approx(0.8)
    assert metrics.cost_at(best, found, 1.0) == pytest.approx(2 / 3)
    assert metrics.auc([4, 3, 2, 1], found) == 1.0
    assert metrics.auc([0, 0, 0, 0], found) == 0.5
    assert metrics.apgr(best, Outcomes([1, 1, 1, 1], [1, 1, 1, 1])) is None
