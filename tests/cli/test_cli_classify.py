"""`classify` on the command line."""

import json

from llm_router.nouns import Complexity, Task


def test_it_says_task_complexity_and_figures(cli):
    result = cli("classify", "fix", "the", "bug", "in", "parser.py")
    assert result.code == 0
    assert result.out.split(" · ")[0] == Task.CODE
    body = cli("classify", "--json", "-", stdin=b"fix the bug in parser.py").json
    assert (body["task"], body["complexity"] in set(Complexity)) == ("code", True)
    assert 0 <= body["difficulty"] <= 1
    assert 0 <= body["confidence"] <= 1
    assert 0 <= body["gain"] <= 1
    assert 0 <= body["p_small"] <= body["p_mid"] <= body["p_frontier"] <= 1
    assert f"small {body['p_small']:.2f}" in result.out
    assert body["by"] in result.out
    assert body["reasons"]


def test_jsonl_answers_line_by_line_with_the_ids(cli, tmp_path):
    lines = [{"id": n, "prompt": text} for n, text in enumerate(("what is 2+2", "zaprojektuj bazę", ""))]
    text = "\n".join(json.dumps(line) for line in lines) + "\n\n"
    result = cli("classify", "--jsonl", "-", stdin=text.encode())
    assert result.code == 0
    assert [line["id"] for line in result.lines] == [0, 1, 2]
    figures = {"confidence", "difficulty", "gain", "p_small", "p_mid", "p_frontier"}
    assert set(result.lines[0]) == {"id", "task", "complexity", "by"} | figures
    file = tmp_path / "prompts.jsonl"
    file.write_text(text, encoding="utf-8")
    assert cli("classify", "--jsonl", str(file)).out == result.out


def test_a_broken_line_is_numbered_the_rest_answered_and_the_exit_2(cli):
    text = b'{"id": 1, "prompt": "a"}\nnot json\n{"id": 2}\n["x"]\n\xff\n{"id": 3, "prompt": "b"}\n'
    result = cli("classify", "--jsonl", "-", stdin=text)
    assert result.code == 2
    assert [line.get("id") or line["line"] for line in result.lines] == [1, 2, 3, 4, 5, 3]
    assert [line["line"] for line in result.lines if "error" in line] == [2, 3, 4, 5]
    assert "4 broken line(s)" in result.err


def test_jsonl_with_words_or_a_missing_file_is_a_wrong_call(cli):
    assert cli("classify", "--jsonl", "-", "word").code == 2
    assert cli("classify", "--jsonl", "missing.jsonl").code == 2
