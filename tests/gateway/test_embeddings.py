"""Vectors: asked of the model that was named and of no other, in every caller's form, paid for and recorded."""

import json
import subprocess

import openai
import pytest
from gateway_support import LIMIT_S, PROGRAM

from llm_router.dialects import embedding
from llm_router.errors import UpstreamError, UsageError
from llm_router.sandbox import Fault
from llm_router.sandbox.listings import vector

MODELS = [
    "openai/text-embedding-3-small",
    "mistral/mistral-embed",
    "ollama/nomic-embed-text",
    "gemini/gemini-embedding-001",
]


@pytest.mark.parametrize("model", MODELS)
def test_the_official_sdk_gets_a_vector_for_each_text_whoever_makes_it(shared, model):
    client = openai.OpenAI(base_url=f"{shared.url}/v1", api_key="x", max_retries=0, timeout=LIMIT_S)
    with client:
        answer = client.embeddings.create(model=model, input=["one", "two"])
        plain = client.embeddings.create(model=model, input=["one", "two"], encoding_format="float")
    assert [each.index for each in answer.data] == [0, 1]
    assert answer.usage.prompt_tokens > 0
    for packed, whole in zip(answer.data, plain.data, strict=True):
        assert packed.embedding == pytest.approx(whole.embedding, abs=1e-6)
    if not model.startswith("gemini/"):
        assert plain.data[0].embedding == pytest.approx(vector("one"))


def test_a_bare_name_that_the_catalogue_knows_will_do(shared):
    answer = shared.post("/v1/embeddings", {"model": "text-embedding-3-small", "input": "x"})
    assert answer.headers["x-llm-router-provider"] == "openai"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/embed", {"model": "nomic-embed-text", "input": ["a", "b"]}, "embeddings"),
        ("/api/embeddings", {"model": "nomic-embed-text", "prompt": "a"}, "embedding"),
        (
            "/v1beta/models/gemini-embedding-001:batchEmbedContents",
            {"requests": [{"content": {"parts": [{"text": t}]}} for t in "ab"]},
            "embeddings",
        ),
        ("/v1beta/models/openai/text-embedding-3-small:embedContent", {"content": {"parts": [{"text": "a"}]}}, "embedding"),
    ],
)  # fmt: skip
def test_callers_of_ollama_and_gemini_get_theirs(shared, path, body, field):
    answer = shared.post(path, body)
    assert answer.status_code == 200
    assert answer.json()[field]


def test_tokens_are_passed_to_who_takes_them_and_refused_for_others(shared, shared_box):
    shared_box.forget()
    assert shared.post("/v1/embeddings", {"model": MODELS[0], "input": [1, 2, 3]}).status_code == 200
    assert next(r for r in shared_box.requests if r.operation == "embed").body["input"] == [[1, 2, 3]]
    refused = shared.post("/v1/embeddings", {"model": MODELS[2], "input": [1, 2, 3]})
    assert refused.status_code == 400
    assert "send the text" in refused.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"input": "x"}, 400),
        ({"model": MODELS[0]}, 400),
        ({"model": MODELS[0], "input": ""}, 400),
        ({"model": MODELS[0], "input": []}, 400),
        ({"model": MODELS[0], "input": [{}]}, 400),
        ({"model": MODELS[0], "input": "x", "dimensions": 0}, 400),
        ({"model": "auto", "input": "x"}, 400),
        ({"model": "anthropic/claude-haiku-5-5", "input": "x"}, 400),
        ({"model": "no-such-embedder", "input": "x"}, 404),
    ],
)
def test_what_cannot_be_embedded_is_said(shared, body, status):
    answer = shared.post("/v1/embeddings", body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_it_is_paid_for_recorded_and_held_to_the_budget(serve, box):
    service = serve(config="budget:\n  daily: 0.001\n")
    words = "word " * 5_000
    assert service.post("/v1/embeddings", {"model": MODELS[0], "input": words}).status_code == 200
    box.fault("openai", Fault("status", status=500), operation="embed", times=1)
    failed = service.post("/v1/embeddings", {"model": MODELS[0], "input": "x"})
    assert failed.status_code == 500
    over = service.post("/v1/embeddings", {"model": MODELS[0], "input": [words] * 20})
    assert over.status_code == 429
    assert "budget" in over.text
    lately = service.get("/status").json()["lately"]
    assert [each.get("cost_usd", 0) > 0 for each in lately if each["endpoint"] == "embed"] == [
        True,
        False,
        False,
    ]
    assert service.stop() == 0
    told = subprocess.run([*PROGRAM, "stats", "--json"], env=service.environ, check=True, capture_output=True)
    assert sum(row["calls"] for row in json.loads(told.stdout)["rows"]) >= 1


def test_an_upstream_that_sends_too_few_vectors_is_no_answer():
    with pytest.raises(UpstreamError, match="1 vectors came for 2"):
        embedding.decode("openai_chat", {"data": [{"index": 0, "embedding": [1.0]}]}, 2)
    with pytest.raises(UsageError):
        embedding.read("openai_chat", {"model": "m", "input": [True]}, None)
