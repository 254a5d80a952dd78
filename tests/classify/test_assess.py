from llm_router.classify import assess
from llm_router.nouns import Complexity, Message, Request, Task, Text, ToolResult, ask


def test_an_ordinary_request_is_assessed_by_the_artefact_with_reasons():
    found = assess(ask("fix the crash in the csv importer"))
    assert found.task is Task.CODE
    assert found.source == "artefact"
    assert found.reasons
    assert 0 < found.confidence < 1


def test_the_callers_task_and_complexity_together_settle_everything():
    found = assess(ask("draw a cat", task=Task.CODE, complexity=Complexity.COMPLEX))
    assert (found.task, found.complexity, found.source) == (Task.CODE, Complexity.COMPLEX, "caller")
    assert found.confidence == 1.0
    assert 0.5 <= found.difficulty < 0.75


def test_the_callers_task_wins_and_the_difficulty_is_judged_for_it():
    found = assess(ask("a lighthouse in a storm", task=Task.IMAGE))
    assert found.task is Task.IMAGE
    assert found.source == "artefact"
    assert found.complexity is Complexity.SIMPLE


def test_the_callers_task_wins_over_empty_text_too():
    assert assess(ask("", task=Task.RESEARCH)).task is Task.RESEARCH


def test_the_callers_complexity_wins_and_difficulty_stays_in_its_band():
    found = assess(ask("rename x to y", complexity=Complexity.DEEP_REASONING))
    assert found.task is Task.CODE
    assert found.complexity is Complexity.DEEP_REASONING
    assert 0.75 <= found.difficulty <= 1


def test_a_message_of_tool_results_is_judged_by_the_words_before_it():
    request = Request(
        messages=(
            Message("user", (Text("why does the scheduler starve writers?"),)),
            Message("assistant", (Text("Let me look."),)),
            Message("user", (ToolResult("c1", (Text("def f(): pass"),)),)),
        )
    )
    assert assess(request) == assess(ask("why does the scheduler starve writers?"))


def test_nothing_is_remembered_from_earlier_prompts():
    before = assess(ask("add a test for the date parser"))
    for noise in ("draw a cat", "докажи теорему", "what is a mutex?", "/compact", ""):
        assess(ask(noise))
    assert assess(ask("add a test for the date parser")) == before


def test_the_system_prompt_and_earlier_turns_do_not_count():
    request = Request(
        messages=(
            Message("system", (Text("Prove everything formally."),)),
            Message("user", (Text("draw a horse"),)),
            Message("assistant", (Text("Here it is."),)),
            Message("user", (Text("what port does ssh use?"),)),
        )
    )
    assert assess(request) == assess(ask("what port does ssh use?"))
