"""The official SDKs as clients: sync and async, whole and streamed, in front of every kind of upstream."""

import asyncio

import anthropic
import ollama
import openai
import pytest
from gateway_support import KEY, LIMIT_S
from google import genai
from google.genai import types

MODELS = [
    "auto",
    "openai/gpt-6-luna",
    "anthropic/claude-haiku-5-5",
    "gemini/gemini-3.5-flash-lite",
    "ollama/qwen3:8b",
    "groq/openai/gpt-oss-20b",
]
HI = [{"role": "user", "content": "[[say hello there]]"}]
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
CALLS = '[[call weather {"city": "Oslo"}]] [[call weather {"city": "Rome"}]]'


# ── Anthropic ────────────────────────────────────────────────────────────────


@pytest.fixture
def anthropic_client(shared):
    with anthropic.Anthropic(base_url=shared.url, api_key=KEY, max_retries=0, timeout=LIMIT_S) as client:
        yield client


@pytest.mark.parametrize("model", MODELS)
def test_anthropic_whole_and_streamed(anthropic_client, model):
    whole = anthropic_client.messages.create(model=model, max_tokens=99, messages=HI)
    with anthropic_client.messages.stream(model=model, max_tokens=99, messages=HI) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert [block.text for block in whole.content if block.type == "text"] == ["hello there"]
    assert text == "hello there"
    assert final.stop_reason == whole.stop_reason == "end_turn"
    assert final.usage.output_tokens > 0
    assert final.id != whole.id


@pytest.mark.parametrize("model", MODELS[1:])
def test_anthropic_parallel_tools_and_their_results(anthropic_client, model):
    tools = [{"name": "weather", "description": "d", "input_schema": WEATHER}]
    messages = [{"role": "user", "content": CALLS}]
    with anthropic_client.messages.stream(
        model=model, max_tokens=99, messages=messages, tools=tools
    ) as stream:
        said = stream.get_final_message()
    calls = [block for block in said.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert said.stop_reason == "tool_use"
    results = [
        {"type": "tool_result", "tool_use_id": calls[0].id, "content": "rain"},
        {"type": "tool_result", "tool_use_id": calls[1].id, "content": "no such city", "is_error": True},
    ]
    messages += [{"role": "assistant", "content": said.content}, {"role": "user", "content": results}]
    after = anthropic_client.messages.create(model=model, max_tokens=99, messages=messages, tools=tools)
    assert after.stop_reason == "end_turn"


def test_anthropic_async_counts_and_lists(shared):
    async def run():
        async with anthropic.AsyncAnthropic(
            base_url=shared.url, api_key=KEY, max_retries=0, timeout=LIMIT_S
        ) as client:
            whole = await client.messages.create(model="auto", max_tokens=99, messages=HI)
            async with client.messages.stream(model="auto", max_tokens=99, messages=HI) as stream:
                text = "".join([piece async for piece in stream.text_stream])
            counted = await client.messages.count_tokens(model="auto", messages=HI)
            listed = [model.id async for model in client.models.list(limit=10)]
            one = await client.models.retrieve("auto")
            return whole, text, counted, listed, one

    whole, text, counted, listed, one = asyncio.run(run())
    assert (whole.content[-1].text, text) == ("hello there", "hello there")
    assert counted.input_tokens > 0
    assert len(listed) > 20
    assert one.id == "auto"


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        ("[[fault status status=429 retry_after=30]]", anthropic.RateLimitError),
        ("[[fault status status=500]]", anthropic.InternalServerError),
        ("[[fault wrong_key]]", anthropic.AuthenticationError),
        ("[[fault context_too_long]]", anthropic.BadRequestError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_anthropic_errors_are_of_the_class_that_the_sdk_has_for_them(serve, said, raised, stream):
    service = serve()
    with anthropic.Anthropic(base_url=service.url, api_key=KEY, max_retries=0, timeout=LIMIT_S) as client:
        asked = {
            "model": "openai/gpt-6-luna",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": said}],
        }
        with pytest.raises(raised) as failure:
            client.messages.create(stream=stream, **asked)
    assert failure.value.body["type"] == "error"
    if raised is anthropic.RateLimitError:
        assert int(failure.value.response.headers["retry-after"]) >= 1
    if raised is anthropic.BadRequestError:
        assert "prompt is too long" in str(failure.value)


# ── OpenAI ───────────────────────────────────────────────────────────────────


@pytest.fixture
def openai_client(shared):
    with openai.OpenAI(base_url=f"{shared.url}/v1", api_key=KEY, max_retries=0, timeout=LIMIT_S) as client:
        yield client


@pytest.mark.parametrize("model", MODELS)
def test_openai_chat_whole_and_streamed(openai_client, model):
    whole = openai_client.chat.completions.create(model=model, messages=HI)
    assert whole.choices[0].message.content == "hello there"
    with openai_client.chat.completions.create(
        model=model, messages=HI, stream=True, stream_options={"include_usage": True}
    ) as stream:
        pieces = list(stream)
    assert "".join(p.choices[0].delta.content or "" for p in pieces if p.choices) == "hello there"
    assert pieces[-1].usage.completion_tokens > 0


@pytest.mark.parametrize("model", MODELS[1:])
def test_openai_chat_parallel_tools(openai_client, model):
    tools = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]
    messages = [{"role": "user", "content": CALLS}]
    said = openai_client.chat.completions.create(model=model, messages=messages, tools=tools).choices[0]
    assert said.finish_reason == "tool_calls"
    calls = said.message.tool_calls
    assert [call.function.name for call in calls] == ["weather", "weather"]
    messages.append(said.message.model_dump(exclude_none=True))
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in calls]
    after = openai_client.chat.completions.create(model=model, messages=messages, tools=tools)
    assert after.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", MODELS)
def test_openai_responses_whole_and_streamed(openai_client, model):
    assert (
        openai_client.responses.create(model=model, input="[[say hello there]]").output_text == "hello there"
    )
    with openai_client.responses.stream(model=model, input="[[say hello there]]") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert final.output_text == "hello there"
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")


def test_openai_async(shared):
    async def run():
        async with openai.AsyncOpenAI(
            base_url=f"{shared.url}/v1", api_key=KEY, max_retries=0, timeout=LIMIT_S
        ) as client:
            whole = await client.chat.completions.create(model="auto", messages=HI)
            stream = await client.chat.completions.create(model="auto", messages=HI, stream=True)
            text = "".join([p.choices[0].delta.content or "" async for p in stream if p.choices])
            listed = [model.id async for model in client.models.list()]
            one = await client.models.retrieve("openai/gpt-6-luna")
            return whole, text, listed, one

    whole, text, listed, one = asyncio.run(run())
    assert (whole.choices[0].message.content, text) == ("hello there", "hello there")
    assert "cheap" in listed
    assert one.owned_by == "openai"


# ── Google ───────────────────────────────────────────────────────────────────


@pytest.fixture
def google_client(shared):
    with genai.Client(
        api_key=KEY, http_options=types.HttpOptions(base_url=shared.url, timeout=60_000)
    ) as client:
        yield client


@pytest.mark.parametrize("model", MODELS)
def test_google_whole_and_streamed(google_client, model):
    whole = google_client.models.generate_content(model=model, contents="[[say hello there]]")
    assert whole.text == "hello there"
    pieces = list(google_client.models.generate_content_stream(model=model, contents="[[say hello there]]"))
    assert "".join(piece.text or "" for piece in pieces) == "hello there"
    assert pieces[-1].usage_metadata.candidates_token_count > 0


# the SDK's own, at its first async call
@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession")
def test_google_async_counts_and_embeds(shared):
    async def run():
        options = types.HttpOptions(base_url=shared.url, timeout=60_000)
        async with genai.Client(api_key=KEY, http_options=options).aio as client:
            whole = await client.models.generate_content(model="auto", contents="[[say hello there]]")
            text = ""
            async for piece in await client.models.generate_content_stream(
                model="auto", contents="[[say hello there]]"
            ):
                text += piece.text or ""
            counted = await client.models.count_tokens(model="auto", contents="some words")
            made = await client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
            return whole.text, text, counted.total_tokens, len(made.embeddings)

    whole, text, tokens, count = asyncio.run(run())
    assert (whole, text, count) == ("hello there", "hello there", 2)
    assert tokens > 0


def test_google_lists(google_client):
    names = [model.name for model in google_client.models.list(config={"page_size": 10})]
    assert "models/auto" in names
    assert len(names) > 20


# ── Ollama ───────────────────────────────────────────────────────────────────


@pytest.fixture
def ollama_client(shared):
    client = ollama.Client(host=shared.url, timeout=LIMIT_S)
    yield client
    client._client.close()


@pytest.mark.parametrize("model", MODELS)
def test_ollama_chat_and_generate_whole_and_streamed(ollama_client, model):
    assert ollama_client.chat(model=model, messages=HI).message.content == "hello there"
    pieces = list(ollama_client.chat(model=model, messages=HI, stream=True))
    assert "".join(piece.message.content or "" for piece in pieces) == "hello there"
    assert pieces[-1].done
    assert ollama_client.generate(model=model, prompt="[[say hello there]]").response == "hello there"
    generated = list(ollama_client.generate(model=model, prompt="[[say hello there]]", stream=True))
    assert "".join(piece.response for piece in generated) == "hello there"


def test_ollama_async_lists_shows_and_embeds(shared):
    async def run():
        client = ollama.AsyncClient(host=shared.url, timeout=LIMIT_S)
        said = await client.chat(model="auto", messages=HI)
        listed = [model.model for model in (await client.list()).models]
        shown = await client.show("ollama/qwen3:8b")
        made = await client.embed(model="nomic-embed-text", input=["a"])
        await client._client.aclose()
        return said.message.content, listed, shown.capabilities, len(made.embeddings)

    text, listed, capabilities, count = asyncio.run(run())
    assert (text, count) == ("hello there", 1)
    assert "auto" in listed
    assert "tools" in capabilities


# ── what only a vendor's own models do ───────────────────────────────────────


@pytest.mark.parametrize("model", MODELS[2:])
@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ('shell {"commands": ["ls", "pwd"]}', "shell_call"),
        ('apply_patch {"type": "delete_file", "path": "a.py"}', "apply_patch_call"),
    ],
)
def test_openai_responses_shell_and_patches_on_any_vendor(openai_client, model, call, kind):
    asked = {
        "model": model,
        "input": f"[[call {call}]]",
        "tools": [{"type": "shell"}, {"type": "apply_patch"}],
    }
    whole = openai_client.responses.create(**asked)
    with openai_client.responses.stream(**asked) as stream:
        streamed = list(stream)[-1].response
    for response in (whole, streamed):
        (item,) = [item for item in response.output if item.type == kind]
        told = item.action.commands if kind == "shell_call" else [item.operation.type, item.operation.path]
        assert told == (["ls", "pwd"] if kind == "shell_call" else ["delete_file", "a.py"])


def test_a_refusal_tells_the_caller_what_to_do_instead(openai_client, anthropic_client):
    with pytest.raises(openai.BadRequestError, match="Send the whole conversation as `input`"):
        openai_client.responses.create(model=MODELS[2], input="hi", previous_response_id="resp_1")
    with pytest.raises(anthropic.BadRequestError, match="Send the whole conversation as `messages`"):
        anthropic_client.beta.messages.create(
            model=MODELS[1], max_tokens=9, messages=HI, thread={"type": "create"}
        )
