"""From a decision to the database and back to the next decision: outcomes, ratings, what hosts saw, sessions, training."""

import asyncio
import random
import sqlite3
from contextlib import closing

import pytest
from msgspec.structs import replace

from llm_router import db
from llm_router.checks import Check, Verification
from llm_router.errors import UsageError
from llm_router.learn import Learner, Outcome, of_prompt, rows
from llm_router.learn.knowledge import unlearned
from llm_router.learn.train import personal_weights, promote, roll_back, train
from llm_router.nouns import (
    Assessment,
    Attempt,
    Candidate,
    Complexity,
    Conversation,
    Decision,
    FailureKind,
    Model,
    Plan,
    Task,
    Verdict,
    ask,
)
from llm_router.record import SqliteLedger
from llm_router.record.repair import repair
from tests.clock import Clock

NOW = 1_790_000_000.0
FOUND = Assessment(Task.CODE, Complexity.SIMPLE, 0.8, 0.2, p_small=0.8, p_mid=0.85, p_frontier=0.9)
CHEAP, STRONG = Model("a", "small", tier="small"), Model("b", "big", tier="frontier")


def checked(p, *, accepted):
    return Verification((Check("tests", "pass" if accepted else "fail"),), 0.8, p, 0.7, accepted)


def decided(name="d_1", prompt="write add in Python", at=NOW, session="s"):
    attempts = (
        Attempt("a", "small", FailureKind.REJECTED, at, 5.0, verification=checked(0.1, accepted=False)),
        Attempt("b", "big", "ok", at, 5.0, verification=checked(0.98, accepted=True)),
    )
    plan = Plan((Candidate(CHEAP, "first"), Candidate(STRONG, "then")))
    request = ask(prompt, session=session, project="shop")
    return Decision(name, at, request, FOUND, Verdict(), plan, attempts)


@pytest.fixture
def recorded(tmp_path):
    def record(*decisions):
        ledger = SqliteLedger(tmp_path, store_prompts=False)
        for each in decisions:
            ledger.record(each)
        ledger.close()
        return tmp_path / "router.db"

    return record


def assessed(learner, request):
    """As the path does it."""
    if learner.lacks(request):
        asyncio.run(learner.inform(request))
    return learner.assessed(FOUND, request)


@pytest.fixture
def clock():
    return Clock(NOW)


@pytest.fixture
def known(tmp_path, clock):
    """How many outcomes a learner knows, always so much later that it reads again."""
    learner = Learner(tmp_path / "router.db", clock=clock)

    def outcomes():
        clock.forward(31)
        assessed(learner, ask("write a function that adds two matrices", project="shop"))
        return learner._knowledge.outcomes

    return outcomes


def query(path, sql):
    with db.connect(path) as connection:
        return [tuple(row) for row in connection.execute(sql)]


def test_what_checks_found_is_kept_with_the_decision_and_without_its_words(recorded):
    path = recorded(decided())
    assert query(path, "SELECT source, tier, model, round(good, 2) FROM outcomes ORDER BY n") == [
        ("checks 0", "small", "a/small", 0.1),
        ("checks 1", "frontier", "b/big", 0.98),
    ]
    assert query(path, "SELECT task, project, tier FROM memories") == [("code", "shop", "frontier")]
    assert b"write add" not in path.read_bytes()


def test_a_decision_written_twice_teaches_once(recorded):
    recorded(decided())
    assert len(query(recorded(decided()), "SELECT 1 FROM outcomes")) == 2


def test_the_next_process_has_learned(recorded):
    path = recorded(*(decided(f"d_{n}") for n in range(6)))
    learner = Learner(path, clock=lambda: NOW)
    request = ask("write add in Python", project="shop")
    assert assessed(learner, request).p_small < FOUND.p_small
    assert assessed(Learner(path, enabled=False, clock=lambda: NOW), request) is FOUND


def test_new_outcomes_are_read_after_a_while_and_only_once(recorded, clock):
    path = recorded(decided())
    learner = Learner(path, clock=clock)
    request = ask("write a function that adds two matrices", project="shop")
    first = assessed(learner, request).p_small
    recorded(*(decided(f"d_more{n}") for n in range(5)))
    assert assessed(learner, request).p_small == pytest.approx(first)
    clock.forward(31)
    assert assessed(learner, request).p_small < first
    assert learner._knowledge.outcomes == 12


def damage(path):
    """Past reading, but for what is learned from."""
    with closing(db.connect(path)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'attempts'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def rated(path, name, times=1):
    """Each time a row of another number."""
    with db.connect(path) as connection, db.transaction(connection):
        for _ in range(times):
            assert rows.rate(connection, name, "you", 0.0, 1.0)


def test_what_comes_after_a_repair_is_learned_and_nothing_twice(recorded, known):
    path = recorded(*(decided(f"d_{n}") for n in range(20)))
    rated(path, "d_1", times=50)
    assert known() == 41
    damage(path)
    assert repair(path.parent).moved_to is not None
    assert query(path, "SELECT max(n) FROM outcomes") == [(41,)]  # it was 90
    assert known() == 41
    recorded(decided("d_new"))
    assert known() == 43
    recorded(decided("d_newer"))
    assert known() == 45


def test_what_was_forgotten_or_rated_anew_is_unlearned(recorded, known):
    path = recorded(*(decided(f"d_{n}") for n in range(3)))
    rated(path, "d_1")
    assert known() == 7
    rated(path, "d_1")
    assert known() == 7
    with db.connect(path) as connection:
        connection.execute("DELETE FROM outcomes")
    assert known() == 0
    rated(path, "d_1")
    assert known() == 1


def test_many_new_outcomes_make_knowledge_anew_and_few_are_added(recorded, clock):
    path = recorded(decided())
    learner = Learner(path, clock=clock)
    request = ask("write add in Python", project="shop")
    assessed(learner, request)
    for count, is_new in ((3, False), (60, True), (4, False)):
        before, was = learner._knowledge, learner._knowledge.outcomes
        recorded(*(decided(f"d_{was}_{n}") for n in range(count)))
        clock.forward(31)
        assessed(learner, request)
        assert learner._knowledge.outcomes == was + 2 * count
        assert (learner._knowledge is not before) is is_new


async def test_the_event_loop_does_not_wait_for_what_could_be_learned(recorded):
    path = recorded(decided())
    learner = Learner(path, clock=lambda: NOW)
    request = ask("write add in Python", session="s")
    reading = [asyncio.create_task(learner.inform(request)) for _ in range(3)]
    assert learner._knowledge.outcomes == 0
    await asyncio.gather(*reading)
    assert learner._knowledge.outcomes == 2  # of three at once, one has read
    assert not learner.lacks(request)


def test_a_session_that_was_put_out_is_read_again_and_not_begun_anew(recorded, monkeypatch):
    monkeypatch.setattr("llm_router.learn.book.SESSIONS", 2)
    path = recorded(replace(decided(), assessment=replace(FOUND, complexity=Complexity.COMPLEX)))
    learner = Learner(path, clock=lambda: NOW + 60)
    for name in ("s", "t", "u"):
        assessed(learner, ask("hello", session=name))
    learner.note(replace(decided("d_2"), attempts=()))  # an answer that took long, of a session put out since
    assert learner.lacks(ask("still failing", session="s"))
    found = assessed(learner, ask("still failing", session="s"))
    assert found.complexity is Complexity.DEEP_REASONING


def test_a_rating_counts_and_the_newest_word_of_a_source_stands(recorded):
    path = recorded(decided())
    with db.connect(path) as connection, db.transaction(connection):
        assert rows.rate(connection, "d_1", "you", 1.0, 1.0)
        assert rows.rate(connection, "d_1", "you", 0.0, 1.0)
        assert not rows.rate(connection, "d_unknown", "you", 1.0, 1.0)
    assert query(path, "SELECT good FROM outcomes WHERE source = 'you'") == [(0.0,)]


def test_what_hosts_did_with_an_answer_is_taken_in_once(recorded):
    path = recorded(decided(), decided("d_2"))
    with db.connect(path) as connection, db.transaction(connection):
        for name, verdict in (("d_1", "used"), ("d_2", "ignored"), ("d_gone", "used")):
            connection.execute(
                "INSERT INTO uses (decision_id, at, verdict) VALUES (?, ?, ?)", (name, NOW, verdict)
            )
        assert rows.take_in_uses(connection) == 2
        assert rows.take_in_uses(connection) == 0
    assert query(path, "SELECT decision_id, good FROM outcomes WHERE source = 'host' ORDER BY 1") == [
        ("d_1", 0.85),
        ("d_2", 0.3),
    ]


def test_a_session_is_remembered_across_processes(recorded):
    path = recorded(replace(decided(), assessment=replace(FOUND, complexity=Complexity.COMPLEX)))
    found = assessed(Learner(path, clock=lambda: NOW + 60), ask("still failing", session="s"))
    assert found.complexity is Complexity.DEEP_REASONING
    other = assessed(Learner(path, clock=lambda: NOW + 60, enabled=False), ask("still failing", session="t"))
    assert other is FOUND


def test_a_session_is_remembered_without_a_database():
    learner = Learner(clock=lambda: NOW + 60)
    learner.note(replace(decided(), assessment=replace(FOUND, complexity=Complexity.COMPLEX)))
    assert assessed(learner, ask("go on", session="s")).complexity is Complexity.COMPLEX


@pytest.mark.parametrize("restarted", [False, True])
def test_what_a_client_asks_for_itself_and_its_subagents_are_no_turns_of_the_conversation(
    recorded, restarted
):
    hard = replace(FOUND, complexity=Complexity.COMPLEX)

    def turn(name, prompt, found, at, **fields):
        request = ask(prompt, session="s", **({"conversation": Conversation("s")} | fields))
        return replace(decided(name, at=at), request=request, assessment=found, attempts=())

    past = (
        turn("d_1", "rewrite the parser", hard, NOW),
        turn("d_2", "who speaks next?", FOUND, NOW + 1, turn="background"),
        turn("d_3", "look at it", FOUND, NOW + 2, turn="subagent", conversation=Conversation("s/a7")),
        turn("d_4", "is it safe?", FOUND, NOW + 3, turn="safety", conversation=None),
    )
    path = recorded(*past)
    learner = Learner(path if restarted else None, clock=lambda: NOW + 60)
    if not restarted:
        for each in past:
            learner.note(each)
    main, agent = Conversation("s"), Conversation("s/a8")
    assert assessed(learner, ask("go on", session="s", conversation=main)).complexity is Complexity.COMPLEX
    assert (
        assessed(learner, ask("who speaks next?", session="s", conversation=main, turn="background")) is FOUND
    )
    assert assessed(learner, ask("look at it", session="s", conversation=agent, turn="subagent")) is FOUND
    again = ask("look at it", session="s", conversation=Conversation("s/a7"), turn="subagent")
    assert "the same question again" in assessed(learner, again).reasons


def test_outcomes_are_held_against_the_shipped_chance_not_against_the_learned_one(recorded):
    path = recorded(*(decided(f"d_{n}", session=None) for n in range(6)))
    request = ask("write add in Python", project="shop", session="s")
    learned = assessed(Learner(path, clock=lambda: NOW), request)
    assert learned.p_small < FOUND.p_small
    assert unlearned(learned).p_small == pytest.approx(FOUND.p_small)
    recorded(replace(decided("d_next"), assessment=learned))
    expected = query(path, "SELECT expected FROM outcomes WHERE decision_id = 'd_next' AND tier = 'small'")
    assert expected[0][0] == pytest.approx(FOUND.p_small)


def test_a_turn_that_goes_on_learns_once(recorded):
    path = recorded(*(decided(f"d_{n}", session=None) for n in range(6)))
    first = assessed(Learner(path, clock=lambda: NOW), ask("write add in Python", project="shop"))
    recorded(replace(decided("d_first"), assessment=first))
    going_on = assessed(Learner(path, clock=lambda: NOW + 60, enabled=False), ask("go on", session="s"))
    assert "goes on with the turn before" in going_on.reasons
    assert going_on.p_small == pytest.approx(FOUND.p_small)
    assert going_on.learned == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("content", [b"", b"no database at all", None])
def test_a_database_that_cannot_be_read_teaches_nothing_and_harms_nothing(tmp_path, content):
    path = tmp_path / "router.db"
    if content is not None:
        path.write_bytes(content)
    learner = Learner(path)
    assert assessed(learner, ask("still failing", session="s")) is FOUND
    assert learner.reordered(decided().plan, FOUND).candidates == decided().plan.candidates


def test_a_damaged_row_is_no_reason_to_fail(recorded):
    path = recorded(decided())
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE memories SET bits = 'not hexadecimal'")
    connection.close()
    assert assessed(Learner(path, clock=lambda: NOW), ask("x")).task is Task.CODE


# ── training ─────────────────────────────────────────────────────────────────


def outcomes(count, good, seed=0):
    chance = random.Random(seed)
    marks = [of_prompt(f"task number {n} about {n * 7}") for n in range(20)]
    return [
        Outcome(NOW + n, "code", "small", "a/m", float(chance.random() < good), 0.8, chance.choice(marks))
        for n in range(count)
    ]


def test_a_correction_that_is_better_for_certain_is_promoted_and_can_be_taken_back(tmp_path):
    report, weights = train(outcomes(400, good=0.3))
    assert report.promoted
    assert report.low > 0
    promote(tmp_path, report, weights)
    assert personal_weights(tmp_path)["small"] < 0
    promote(tmp_path, report, {"small": 0.5})
    assert personal_weights(tmp_path) == {"small": 0.5}
    assert roll_back(tmp_path)
    assert personal_weights(tmp_path)["small"] < 0
    assert roll_back(tmp_path)
    assert personal_weights(tmp_path) == {}
    assert not roll_back(tmp_path)


def test_where_the_shipped_chances_are_right_nothing_is_promoted():
    promoted = [train(outcomes(300, good=0.8, seed=seed))[0].promoted for seed in range(5)]
    assert not any(promoted)


def test_too_few_outcomes_are_said_to_be_too_few():
    with pytest.raises(UsageError, match="too few"):
        train(outcomes(99, good=0.5))


@pytest.mark.parametrize("content", ["", "[]", '{"version": 2}', '{"version": 1, "weights": {"small": "x"}}', '{"version": 1, "weights": {"small": NaN}}'])  # fmt: skip
def test_a_correction_that_cannot_be_read_is_none(tmp_path, content):
    (tmp_path / "personal.json").write_text(content)
    assert personal_weights(tmp_path) == {}


def test_the_prompt_of_an_agents_loop_is_asked_once_however_often_it_comes():
    learner = Learner(clock=lambda: NOW)
    first = replace(decided(), attempts=())
    goes_on = replace(first.request, conversation=Conversation("s", goes_on=True))
    learner.note(first)
    for _ in range(8):
        assert assessed(learner, goes_on).complexity is Complexity.SIMPLE
        learner.note(replace(first, request=goes_on))
    asked_again = replace(first.request, conversation=Conversation("s"))
    assert assessed(learner, asked_again).complexity is Complexity.MODERATE
