"""The stdio server as raw JSON-RPC lines, in both protocol eras."""

import json
import signal
import threading

import pytest
from mcp_support import ENVELOPE, SDKS, telling_modules

HANDSHAKES = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
LISTS = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]
NAMES = [
    "llm_route",
    "llm_query",
    "llm_research",
    "llm_generate",
    "llm_analyze",
    "llm_code",
    "llm_classify",
    "llm_usage",
    "llm_budget",
    "llm_health",
    "llm_rate",
]


@pytest.mark.parametrize("version", HANDSHAKES)
def test_every_handshake_version_is_negotiated_and_lists_the_tools(fake, version):
    server = fake()
    opened = server.initialize(version)
    assert opened["protocolVersion"] == version
    assert opened["serverInfo"]["name"] == "llm-router"
    assert [tool["name"] for tool in server.ask("tools/list")["result"]["tools"]] == NAMES


def test_an_unknown_version_gets_the_newest_handshake(fake):
    assert fake().initialize("1999-01-01")["protocolVersion"] == HANDSHAKES[-1]


def test_a_stateless_client_discovers_lists_and_calls(fake):
    server = fake()
    found = server.ask("server/discover", ENVELOPE)["result"]
    assert found["supportedVersions"] == ["2026-07-28"]
    listed = server.ask("tools/list", ENVELOPE)["result"]
    assert [tool["name"] for tool in listed["tools"]] == NAMES
    assert listed["resultType"] == "complete"
    assert server.call("llm_query", {"prompt": "hello"}, ENVELOPE)["structuredContent"]["answer"].startswith(
        "query: hello"
    )


@pytest.mark.parametrize("version", [*HANDSHAKES, "2026-07-28"])
def test_the_front_answers_what_the_sdk_would(fake, version):
    server = fake()
    envelope = ENVELOPE if version == "2026-07-28" else {}
    if not envelope:
        server.initialize(version)
    for method in LISTS:
        from_front = server.ask(method, envelope)["result"]
        from_sdk = server.ask(method, envelope | {"cursor": "none"})["result"]  # a cursor is left to the SDK
        assert from_front == from_sdk


def test_a_client_of_a_later_protocol_is_told_at_once_and_may_fall_back(fake):
    server = fake()
    later = {"_meta": ENVELOPE["_meta"] | {"io.modelcontextprotocol/protocolVersion": "2027-01-01"}}
    error = server.ask("server/discover", later)["error"]
    assert (error["code"], error["data"]["supported"]) == (-32022, ["2026-07-28"])
    assert server.initialize()["protocolVersion"] == HANDSHAKES[-1]
    assert server.call("llm_query", {"prompt": "hello"})["isError"] is False


def test_a_client_that_only_discovered_may_still_shake_hands(fake):
    server = fake()
    server.ask("server/discover", ENVELOPE)
    assert server.initialize()["protocolVersion"] == HANDSHAKES[-1]
    assert server.ask("ping")["result"] == {}
    assert server.ask("tools/list")["result"]["tools"]


def test_an_incomplete_envelope_is_refused_by_name(fake):
    server = fake()
    half = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}
    error = server.ask("tools/list", half)["error"]
    assert error["code"] == -32602
    assert "clientCapabilities" in error["message"]


def test_ping_is_answered_before_and_after_the_handshake(fake):
    server = fake()
    assert server.ask("ping")["result"] == {}
    server.initialize()
    assert server.ask("ping")["result"] == {}


def test_listing_before_the_handshake_is_refused(fake):
    assert fake().ask("tools/list")["error"]["code"] == -32602


@pytest.mark.parametrize("envelope", [{}, ENVELOPE])
def test_an_unknown_method_is_method_not_found(fake, envelope):
    server = fake()
    if not envelope:
        server.initialize()
    error = server.ask("no/such", envelope)["error"]
    assert (error["code"], error["data"]) == (-32601, "no/such")


@pytest.mark.parametrize("garbage", [b"{nope", b"\xff\xfe\x00", b"[" * 100_000, b'{"a":1}}'])
def test_what_is_not_json_is_a_parse_error_and_the_next_message_is_served(fake, garbage):
    server = fake()
    server.send(garbage)
    answer = server.receive()
    assert (answer["id"], answer["error"]["code"]) == (None, -32700)
    assert server.ask("ping")["result"] == {}


@pytest.mark.parametrize(
    ("frame", "answered"),
    [
        ({"id": 1, "method": "ping"}, 1),
        ({"jsonrpc": "2.0", "id": 7, "method": 5}, 7),
        ({"jsonrpc": "2.0", "id": 8}, 8),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": 9, "method": "tools/list", "params": [1]}, 9),
        (5, None),
    ],
)
def test_a_frame_that_is_not_json_rpc_is_an_invalid_request(fake, frame, answered):
    server = fake()
    server.send(frame)
    answer = server.receive()
    assert (answer["id"], answer["error"]["code"]) == (answered, -32600)


def test_a_batch_is_answered_as_a_batch_where_the_protocol_has_them(fake):
    server = fake()
    server.initialize("2025-03-26")
    call = {"name": "llm_query", "arguments": {"prompt": "hello"}}
    server.send(
        [
            {"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": call},
            {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"},
            {"jsonrpc": "2.0", "id": "b", "method": "ping"},
        ]
    )
    answers = server.receive()
    assert sorted(each["id"] for each in answers) == ["a", "b"]
    assert all("result" in each for each in answers)


def test_a_cancelled_call_does_not_hold_its_batch(fake):
    server = fake()
    server.initialize("2025-03-26")
    call = {"name": "llm_query", "arguments": {"prompt": "hang"}}
    server.send(
        [
            {"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": call},
            {"jsonrpc": "2.0", "id": "b", "method": "ping"},
        ]
    )
    server.notify("notifications/cancelled", {"requestId": "a"})
    assert [each["id"] for each in server.receive()] == ["b"]


def test_a_batch_is_refused_where_the_protocol_has_none(fake):
    server = fake()
    server.initialize("2025-11-25")
    server.send([{"jsonrpc": "2.0", "id": 1, "method": "ping"}])
    assert server.receive()["error"]["code"] == -32600


def test_an_answer_to_a_question_never_asked_is_ignored(fake):
    server = fake()
    server.send({"jsonrpc": "2.0", "id": 4, "result": {}})
    assert server.ask("ping")["result"] == {}


def test_only_chosen_tools_are_listed_and_callable(fake):
    server = fake("--tools", "llm_query,llm_budget")
    server.initialize()
    assert [tool["name"] for tool in server.ask("tools/list")["result"]["tools"]] == [
        "llm_query",
        "llm_budget",
    ]
    from_sdk = server.ask("tools/list", {"cursor": "none"})["result"]["tools"]
    assert [tool["name"] for tool in from_sdk] == ["llm_query", "llm_budget"]
    refused = server.call("llm_code", {"prompt": "x"})
    assert refused["isError"] is True
    assert "llm_query, llm_budget" in refused["content"][0]["text"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tools", "llm_nope"], "llm_nope"),
        (["--port", "1"], "--http"),
        (["--http", "--port", "x"], "not a port"),
        (["--nope"], "--nope"),
    ],
)
def test_wrong_options_exit_with_2_and_say_why(start, options, said):
    server = start(*options)
    assert server.wait() == 2
    assert said in server.errors()
    assert server.lines == []


def test_nothing_but_json_rpc_reaches_stdout(fake):
    server = fake()
    server.initialize()
    server.call("llm_query", {"prompt": "print"})
    assert server.close() == 0
    for line in server.lines:
        assert json.loads(line)["jsonrpc"] == "2.0"
    errors = server.errors()
    assert all(noise in errors for noise in ("noise from print", "noise from C", "noise of a child"))


def test_eof_ends_the_process_and_cancels_what_is_in_flight(fake):
    server = fake()
    server.initialize()
    server.request("tools/call", asking("hang", "t"))
    assert server.receive()["method"] == "notifications/progress"
    assert server.close() == 0
    assert server.notes() == ["asked hang", "cancelled hang", "closed hang", "app closed"]


def test_sigterm_does_the_same(fake):
    server = fake()
    server.initialize()
    server.request("tools/call", asking("hang", "t"))
    assert server.receive()["method"] == "notifications/progress"
    server.popen.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    assert server.notes() == ["asked hang", "cancelled hang", "closed hang", "app closed"]


def test_sigint_says_interrupted(fake):
    server = fake()
    server.initialize()
    server.popen.send_signal(signal.SIGINT)
    assert server.wait() == 130
    assert "Traceback" not in server.errors()


def test_eof_at_once_is_a_clean_end(fake):
    server = fake()
    assert server.close() == 0
    assert server.errors() == ""


def test_a_call_waiting_for_the_sdk_is_answered_when_the_client_leaves(fake):
    server = fake()
    server.initialize()
    wanted = server.request("tools/call", asking("hello"))
    assert server.close() == 0
    assert json.loads(server.lines[-1])["id"] == wanted


def test_a_cancelled_call_stops_upstream_and_is_not_answered(fake):
    server = fake()
    server.initialize()
    hanging = server.request("tools/call", asking("hang", "t"))
    assert server.receive()["method"] == "notifications/progress"
    server.notify("notifications/cancelled", {"requestId": hanging, "reason": "enough"})
    assert server.call("llm_query", {"prompt": "next"})["isError"] is False
    assert server.close() == 0
    assert [n for n in server.notes() if "hang" in n and "asked" not in n] == [
        "cancelled hang",
        "closed hang",
    ]
    assert hanging not in [json.loads(line).get("id") for line in server.lines]


def test_a_call_cancelled_before_the_sdk_is_there_is_never_made(fake):
    server = fake()
    server.initialize()
    cancelled = server.request("tools/call", asking("hello"))
    server.notify("notifications/cancelled", {"requestId": cancelled})
    assert server.call("llm_query", {"prompt": "next"})["isError"] is False
    assert cancelled not in [json.loads(line).get("id") for line in server.lines]


def test_progress_tells_who_is_tried_and_who_failed(fake):
    server = fake()
    server.initialize()
    wanted = server.request("tools/call", asking("progress", "token-1"))
    said = []
    while (message := server.receive()).get("id") != wanted:
        assert message["params"]["progressToken"] == "token-1"
        said.append((message["params"]["progress"], message["params"]["message"]))
    assert said == [
        (1, "trying ollama/qwen3"),
        (2, "ollama/qwen3: rate_limited (429)"),
        (3, "trying openai/gpt"),
    ]


def test_without_a_token_there_is_no_progress(fake):
    server = fake()
    server.initialize()
    wanted = server.request("tools/call", asking("progress"))
    assert server.receive()["id"] == wanted


def test_a_client_that_does_not_read_cannot_block_the_server(fake):
    server = fake()
    server.initialize()
    count = 400
    for number in range(count):  # some megabytes of lists, more than a pipe holds
        server.send({"jsonrpc": "2.0", "id": f"n{number}", "method": "tools/list"})
    assert sum("result" in server.receive() for _ in range(count)) == count


def test_an_answer_may_be_larger_than_a_pipe(fake):
    server = fake()
    server.initialize()
    answer = server.call("llm_query", {"prompt": "x" * 3_000_000})
    assert answer["structuredContent"]["answer"].count("x") == 3_000_000


def test_half_a_surrogate_pair_does_not_break_the_wire(fake):
    server = fake()
    server.initialize()
    server.send(
        b'{"jsonrpc":"2.0","id":"s","method":"tools/call",'
        b'"params":{"name":"llm_query","arguments":{"prompt":"a\\ud800b"}}}'
    )
    assert server.receive()["result"]["structuredContent"]["answer"].startswith("query: a?b")


def test_when_the_sdk_cannot_be_imported_calls_say_so_instead_of_hanging(fake):
    server = fake(FAKE_BROKEN_SDK="1")
    server.initialize()
    for _ in range(2):
        error = server.ask("tools/call", asking("hello"))["error"]
        assert error["code"] == -32603
        assert "cannot serve tools" in error["message"]
    assert server.ask("tools/list")["result"]["tools"]
    assert server.close() == 0


def test_no_sdk_is_loaded_for_the_opening_and_no_provider_sdk_for_idling(fake, tmp_path):
    modules = tmp_path / "modules.txt"
    opening = fake(FAKE_MODULES=str(modules))
    opening.initialize()
    assert opening.close() == 0
    loaded = set(modules.read_text().split())
    assert not {"mcp", "pydantic", "anyio", "argparse", "click"} & loaded


@pytest.mark.parametrize("envelope", [{}, ENVELOPE])
def test_after_tools_list_no_provider_sdk_is_loaded(start, tmp_path, envelope):
    modules = tmp_path / "modules.txt"
    server = start(program=telling_modules(modules))
    if not envelope:
        server.initialize()
    server.ask("tools/list", envelope)
    server.call("llm_budget", {}, envelope)  # the SDK is there and the application is built
    assert server.close() == 0
    loaded = set(modules.read_text().split())
    assert {"mcp", "llm_router.app"} <= loaded
    assert not SDKS & loaded
    # nor what is heavy and serves only who has a file, an answer or a price
    assert not {"yaml", "genai_prices", "llm_router.verify"} & loaded


def test_the_engine_starts_after_the_first_listing(fake):
    server = fake(FAKE_BROKEN_SDK="1")  # so that starting it leaves a trace
    server.initialize()
    server.ask("prompts/list")
    assert server.errors() == ""
    server.ask("tools/list")
    for _ in range(500):
        if "ModuleNotFoundError" in server.errors():
            break
        threading.Event().wait(0.02)
    assert "ModuleNotFoundError" in server.errors()


def asking(prompt, token=None):
    meta = {"_meta": {"progressToken": token}} if token else {}
    return {"name": "llm_query", "arguments": {"prompt": prompt}} | meta
