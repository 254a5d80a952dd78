import multiprocessing
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from llm_router.db import connect
from llm_router.nouns import FailureKind as Kind
from llm_router.plan import health
from llm_router.plan.health import HealthBook
from tests.clock import NOON


@pytest.fixture
def open_book(clock):
    opened = []

    def open_(path):
        opened.append(HealthBook(path, clock, fresh_s=0))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture(params=["disk", "memory"])
def book(request, tmp_path, open_book):
    return open_book(tmp_path / "router.db" if request.param == "disk" else None)


@pytest.fixture
def two(tmp_path, open_book):
    """Two books on one file, as two processes hold them."""
    return [open_book(tmp_path / "router.db") for _ in range(2)]


def _fail(book, kind, times=1, model="m", retry_after=None):
    for _ in range(times):
        book.failed("p", model, kind, retry_after)


def _rest_of(book, model="m"):
    """Seconds this model rests, 0 when it may be called."""
    state = book.cooling("p", model)
    return state.until - book._clock() if state else 0


# ── when a breaker opens ─────────────────────────────────────────────────────


def test_a_new_model_may_be_called(book):
    assert book.cooling("p", "m") is None
    assert book.enter("p", "m") is None
    assert book.states() == []


@pytest.mark.parametrize("kind", [Kind.RATE_LIMITED, Kind.OVERLOADED])
def test_a_limit_opens_the_model_at_once_for_what_retry_after_asks(book, kind):
    _fail(book, kind, retry_after=60)
    assert _rest_of(book) == 60
    assert book.cooling("p", "other") is None
    assert book.enter("p", "m").reason == str(kind)


@pytest.mark.parametrize(
    ("asked", "rest"),
    [(None, 30), (float("nan"), 30), (-5, 30), (0, 1), (86_400, 3_600), (float("inf"), 3_600)],
)
def test_a_retry_after_is_taken_within_reason(book, asked, rest):
    _fail(book, Kind.RATE_LIMITED, retry_after=asked)
    assert _rest_of(book) == rest


@pytest.mark.parametrize("kind", [Kind.AUTH, Kind.BILLING])
def test_a_refused_key_opens_the_whole_provider_for_ten_minutes(book, kind):
    _fail(book, kind)
    assert _rest_of(book) == _rest_of(book, "other") == 600
    assert book.cooling("q", "m") is None


def test_a_model_that_is_not_there_rests_an_hour(book):
    _fail(book, Kind.NOT_FOUND)
    assert _rest_of(book) == 3_600
    assert _rest_of(book, "other") == 0


def test_a_second_failed_connection_opens_the_whole_provider(book):
    _fail(book, Kind.CONNECTION)
    assert _rest_of(book) == 0
    _fail(book, Kind.CONNECTION, model="other")
    assert _rest_of(book) == 30


@pytest.mark.parametrize(
    "kind", [Kind.SERVER_ERROR, Kind.TIMEOUT, Kind.MALFORMED, Kind.TRUNCATED, Kind.EMPTY]
)
def test_the_third_failure_in_a_row_opens_the_model(book, kind):
    _fail(book, kind, times=2)
    assert _rest_of(book) == 0
    _fail(book, kind)
    assert _rest_of(book) == 30
    assert _rest_of(book, "other") == 0


def test_different_failures_in_a_row_add_up(book):
    for kind in (Kind.TIMEOUT, Kind.EMPTY, Kind.SERVER_ERROR):
        _fail(book, kind)
    assert _rest_of(book) == 30


def test_a_success_between_failures_ends_the_row(book):
    for _ in range(5):
        _fail(book, Kind.SERVER_ERROR, times=2)
        book.succeeded("p", "m")
    assert book.states() == []


def test_failures_far_apart_are_no_row(book, clock):
    for _ in range(5):
        _fail(book, Kind.SERVER_ERROR)
        clock.forward(700)
    assert _rest_of(book) == 0


@pytest.mark.parametrize(
    "kind",
    [
        Kind.BAD_REQUEST,
        Kind.CONTEXT_TOO_LONG,
        Kind.UNSUPPORTED,
        Kind.CONTENT_FILTER,
        Kind.BUDGET,
        Kind.CANCELLED,
        Kind.COOLING,
    ],
)
def test_what_is_not_the_models_fault_does_not_count(book, kind):
    _fail(book, kind, times=10)
    assert book.states() == []


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_failure_can_be_reported_in_every_state(book, clock, kind):
    for step in (0, 40, 4_000):
        clock.forward(step)
        book.enter("p", "m")
        _fail(book, kind)
        book.states()


def test_calls_that_began_before_the_breaker_opened_do_not_lengthen_its_rest(book):
    _fail(book, Kind.RATE_LIMITED, times=20)
    assert _rest_of(book) == 30


def test_a_longer_retry_after_lengthens_it(book):
    _fail(book, Kind.RATE_LIMITED, retry_after=10)
    _fail(book, Kind.RATE_LIMITED, retry_after=90)
    _fail(book, Kind.RATE_LIMITED, retry_after=5)
    assert _rest_of(book) == 90


# ── half open ────────────────────────────────────────────────────────────────


def test_after_the_rest_exactly_one_probe_goes(book, clock):
    _fail(book, Kind.RATE_LIMITED)
    clock.forward(30)
    assert book.cooling("p", "m") is None
    assert book.enter("p", "m") is None
    assert book.enter("p", "m").state == "half_open"
    assert book.cooling("p", "m").state == "half_open"


def test_a_good_probe_closes(book, clock):
    _fail(book, Kind.RATE_LIMITED)
    clock.forward(31)
    assert book.enter("p", "m") is None
    book.succeeded("p", "m")
    assert book.states() == []
    assert [book.enter("p", "m") for _ in range(3)] == [None] * 3


def test_each_failed_probe_doubles_the_rest_up_to_half_an_hour(book, clock):
    rests = []
    _fail(book, Kind.SERVER_ERROR, times=3)
    for _ in range(9):
        rests.append(_rest_of(book))
        clock.forward(rests[-1])
        assert book.enter("p", "m") is None
        _fail(book, Kind.SERVER_ERROR)
    assert rests == [30, 60, 120, 240, 480, 960, 1_800, 1_800, 1_800]


def test_a_prober_that_died_frees_the_probe_after_a_minute(book, clock):
    _fail(book, Kind.RATE_LIMITED)
    clock.forward(30)
    assert book.enter("p", "m") is None
    clock.forward(59)
    assert book.enter("p", "m") is not None
    clock.forward(1)
    assert book.enter("p", "m") is None


def test_a_probe_that_says_nothing_about_health_is_free_again(book, clock):
    _fail(book, Kind.SERVER_ERROR, times=3)
    clock.forward(30)
    assert book.enter("p", "m") is None
    _fail(book, Kind.BAD_REQUEST)
    assert book.enter("p", "m") is None


def test_what_says_nothing_of_a_healthy_model_is_not_written(tmp_path, open_book):
    book = open_book(tmp_path / "router.db")
    book.enter("p", "m")
    with connect(tmp_path / "router.db") as connection:
        connection.execute("BEGIN IMMEDIATE")  # a write would have to wait, and give up
        book.failed("p", "m", Kind.CANCELLED, None)
        connection.execute("ROLLBACK")
    connection.close()
    assert book._disk_again_at == float("-inf")  # the disk was not found wanting


def test_a_provider_that_answers_again_is_back_although_its_model_is_limited(book, clock):
    _fail(book, Kind.AUTH)
    clock.forward(600)
    assert book.enter("p", "m") is None
    _fail(book, Kind.RATE_LIMITED)
    assert _rest_of(book) == 30
    assert book.enter("p", "other") is None


def test_a_provider_whose_probe_times_out_is_not_back(book, clock):
    _fail(book, Kind.CONNECTION, times=2)
    clock.forward(30)
    assert book.enter("p", "m") is None
    _fail(book, Kind.TIMEOUT)
    assert _rest_of(book, "other") == 60


def test_a_late_success_does_not_overrule_a_retry_after(book):
    _fail(book, Kind.RATE_LIMITED, retry_after=60)
    book.succeeded("p", "m")
    assert _rest_of(book) == 60


def test_the_states_tell_what_a_person_wants_to_know(book, clock):
    _fail(book, Kind.RATE_LIMITED, retry_after=60)
    _fail(book, Kind.SERVER_ERROR, model="n")
    told = {(s.provider, s.model): (s.state, s.failures, s.reason) for s in book.states()}
    assert told == {("p", "m"): ("open", 1, "rate_limited"), ("p", "n"): ("closed", 1, "")}
    clock.forward(61)
    assert {s.state for s in book.states()} == {"half_open", "closed"}


def test_reset_forgets_one_provider_or_all(book):
    _fail(book, Kind.AUTH)
    book.failed("q", "m", Kind.NOT_FOUND, None)
    assert book.reset("p") == 1
    assert [s.provider for s in book.states()] == ["q"]
    assert book.reset() == 1
    assert book.reset() == 0
    assert book.states() == []


# ── shared ───────────────────────────────────────────────────────────────────


def test_what_one_process_learns_the_others_know(two):
    one, other = two
    _fail(one, Kind.RATE_LIMITED, retry_after=60)
    assert _rest_of(other) == 60
    other.reset()
    assert one.enter("p", "m") is None


def test_failures_of_different_processes_add_up(two):
    one, other = two
    _fail(one, Kind.SERVER_ERROR)
    _fail(other, Kind.SERVER_ERROR)
    _fail(one, Kind.SERVER_ERROR)
    assert _rest_of(other) == 30


def test_a_book_that_is_opened_later_remembers(tmp_path, open_book):
    first = open_book(tmp_path / "router.db")
    _fail(first, Kind.AUTH)
    first.close()
    assert _rest_of(open_book(tmp_path / "router.db")) == 600


PROBER = """
    import sys
    from pathlib import Path
    from llm_router.plan import health
    health.WRITE_LIMIT_S = 30  # many at once on a busy machine: here nobody may give up waiting
    book = health.HealthBook(Path(sys.argv[1]), lambda: float(sys.argv[2]))
    print("ready", flush=True)
    sys.stdin.readline()
    print("probe" if book.enter("p", "m") is None else "wait", flush=True)
"""


def test_exactly_one_of_many_processes_gets_the_probe(tmp_path, open_book):
    path = tmp_path / "router.db"
    _fail(open_book(path), Kind.RATE_LIMITED)
    command = [sys.executable, "-c", textwrap.dedent(PROBER), str(path), str(NOON + 31)]
    started = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"]},
        )
        for _ in range(6)
    ]
    try:
        assert [process.stdout.readline() for process in started] == ["ready\n"] * 6
        for process in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [process.communicate(timeout=60)[0].strip() for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait(timeout=60)
    assert sorted(answers) == ["probe"] + ["wait"] * 5


def _count_failures(path, times):
    health.WRITE_LIMIT_S = 30  # many at once on a busy machine: here nobody may give up waiting
    book = HealthBook(path, lambda: NOON)
    for _ in range(times):
        book.failed("p", "m", Kind.NOT_FOUND, None)
    book.close()


def test_no_failure_of_many_processes_is_lost(tmp_path, open_book):
    path = tmp_path / "router.db"
    connect(path).close()
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=_count_failures, args=(path, 20)) for _ in range(4)]
    for process in started:
        process.start()
    for process in started:
        process.join(60)
        assert process.exitcode == 0
    assert open_book(path).states()[0].failures == 80


def test_exactly_one_of_many_threads_gets_the_probe(book, clock):
    _fail(book, Kind.RATE_LIMITED)
    clock.forward(31)
    start = threading.Barrier(8)

    def ask():
        start.wait(60)
        return book.enter("p", "m")

    with ThreadPoolExecutor(8) as pool:
        answers = [each.result(30) for each in [pool.submit(ask) for _ in range(8)]]
    assert answers.count(None) == 1


# ── disk trouble ─────────────────────────────────────────────────────────────


def _works_in_memory(book, clock):
    assert book.cooling("p", "m") is None
    _fail(book, Kind.RATE_LIMITED, retry_after=60)
    assert _rest_of(book) == 60
    clock.forward(61)
    assert book.enter("p", "m") is None
    assert book.enter("p", "m") is not None
    book.succeeded("p", "m")
    assert book.states() == []


def test_a_corrupt_file_leaves_the_book_working_in_memory(tmp_path, clock, open_book):
    (tmp_path / "router.db").write_bytes(b"this is no database" * 1000)
    _works_in_memory(open_book(tmp_path / "router.db"), clock)


def test_a_folder_where_the_file_should_be_leaves_the_book_working_in_memory(tmp_path, clock, open_book):
    (tmp_path / "router.db").mkdir()
    _works_in_memory(open_book(tmp_path / "router.db"), clock)


def test_a_home_that_cannot_be_made_leaves_the_book_working_in_memory(tmp_path, clock, open_book):
    (tmp_path / "file").touch()
    _works_in_memory(open_book(tmp_path / "file" / "router.db"), clock)


def test_a_row_of_nonsense_leaves_the_book_working_in_memory(tmp_path, clock, open_book):
    connection = connect(tmp_path / "router.db")
    connection.execute(
        "INSERT INTO breakers (provider, model, state, opened_until, updated_at) VALUES ('p','m','open','soon','x')"
    )
    connection.close()
    _works_in_memory(open_book(tmp_path / "router.db"), clock)


def test_what_a_locked_file_could_not_take_is_remembered_and_written_when_it_is_free(tmp_path, two):
    path = tmp_path / "router.db"
    book, other = two
    assert other.states() == []
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    _fail(book, Kind.RATE_LIMITED, retry_after=60)
    assert _rest_of(book) == 60
    assert _rest_of(other) == 0
    writer.execute("ROLLBACK")
    writer.close()
    book._disk_again_at = 0.0  # the rest after disk trouble is over
    assert _rest_of(book) == 60  # what is on disk does not undo what is remembered
    _fail(book, Kind.NOT_FOUND, model="another")
    assert _rest_of(other) == 60


def test_a_locked_file_is_waited_for_once_and_then_left_alone_for_a_while(tmp_path, monkeypatch, open_book):
    path = tmp_path / "router.db"
    book = open_book(path)
    book.states()
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    tried = []
    transaction = book._database.transaction
    monkeypatch.setattr(
        book._database, "transaction", lambda **fields: tried.append(fields) or transaction(**fields)
    )
    monkeypatch.setattr("llm_router.plan.health.REST_S", 3_600)
    _fail(book, Kind.SERVER_ERROR, times=50)
    assert tried == [{"timeout_s": 0.2}]
    assert _rest_of(book) == 30
    writer.close()


def test_a_reset_by_one_process_is_not_undone_by_what_another_remembers(two):
    one, other = two
    _fail(one, Kind.AUTH)
    assert other.cooling("p", "m")
    assert one.reset() == 1
    _fail(other, Kind.NOT_FOUND, model="x")
    assert one.cooling("p", "m") is None


def test_a_model_that_failed_long_ago_is_forgotten(tmp_path, clock, open_book):
    book = open_book(tmp_path / "router.db")
    for n in range(50):  # names that nobody has
        book.failed("p", f"m{n}", Kind.NOT_FOUND, None)
    clock.forward(2 * 86_400)
    book.failed("p", "m", Kind.RATE_LIMITED, None)
    with connect(tmp_path / "router.db") as connection:
        assert connection.execute("SELECT count(*) FROM breakers").fetchone()[0] == 1
    assert [state.model for state in book.states()] == ["m"]


def test_it_is_calm_again_when_nothing_is_forbidden_any_more(book, clock):
    book.failed("p", "m", Kind.RATE_LIMITED, None)
    assert not book.calm()
    clock.forward(31)
    assert book.cooling("p", "m") is None
    assert book.calm()
