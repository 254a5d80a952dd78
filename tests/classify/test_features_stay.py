"""The artefact was trained on these features: whoever changes what they come to trains anew and raises its version."""

import hashlib

import pytest

from llm_router.classify import artefact, features, form, rules, words

ASKS = (
    "fix the typo in README.md",
    "What's the difference between a mutex and a semaphore?",
    "Write a haiku about Docker, then explain step by step why it is bad.",
    "i.e. e.g. etc. ... Dr. No said: don't stop! Really? Yes; 3.14, 1,000 and v2.0.1-rc1.",
    'Rename `getUserById` to "fetch user" in src/app/user.py and see https://example.com/a?b=\'c\' (or http://x) now',
    "“Quoted text” and «this» and 「それ」 and 'single words' but the dogs' owners aren't; a ` stays open\n' here too",
    "iPhone MacOS C++ c# f() X 2nd x86_64 /usr/bin --force -5 it’s O'Neil's WORD Word wOrd __init__ $PATH @user #1 ~/x",
    'Using r"C:\\temp\\new", compute $x^2 + \\frac{1}{2} \\le 10^9 + 7$ modulo 998244353 for n = 200000.',
    "Given a list of numbers, return the sum. You are given Sample Input and Sample Output\nConstraints:\n1 <= n <= 10^5",
    "Which is it?\nA. red\nB. green\nC. blue\nD. none of these",
    "A train leaves at 5 and another at 7; each runs 60 km an hour for 3 hours. How far apart are they then?",
    "### Bug\n\nDescription\nSteps to reproduce: 1. run it\nExpected behavior: works\nActual behavior: <!-- fails -->",
    "draw a logo with a red fox --ar 16:9 --v 6 --stylize 200, text-to-image",
    "make a short video of a dog, text to video, and music with a text-to-speech voice over",
    "write a video script about a docker image for the landing page; like an advert",
    "please could you maybe, if it isn't too much, in the parser, when it fails, add a retry and test it",
    "no, still failing. try again and make it thread safe without a lock, exactly once",
    "search the web for the latest papers on RAG with sources and compare them",
    "<system-reminder>never shown</system-reminder>summarize this <system-reminder>open",
    "see\n```python\ndef f(x):\n    return [y for y in x if y]\n```\nwhy does it return None? And ``` this",
    'Traceback (most recent call last):\n  File "/srv/a.py", line 8, in f\n    g()\nKeyError: \'A\'\nwhat is wrong here',
    "+++ a/x\n--- b/x\n@@ -1,2 +1,2 @@\n-        total = 0\n+        total = 1\nexplain the change",
    "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\nturn it into JSON",
    "┌──────┐\n│ box  │\n└──────┘\n• one\n✓ two\n✗ three\nwhat does this output mean",
    "2026-03-02T11:04:17.220Z ERROR timeout after 3000 ms id=8f3a91\n" * 12 + "why?",
    '{"id": "A-1001", "lines": [{"sku": "X-9", "count": 3}], "paid": false},\n' * 20 + "is it valid?",
    "Bitte schreibe ein Gedicht über den Herbst und übersetze es ins Englische.",
    "Pourquoi l'été est-il plus court cette année ? Explique les causes.",
    "¿Cómo puedo corregir la función sin romper las pruebas?",
    "Напиши функцию, которая проверяет очередь без блокировок, и объясни, почему она верна.",
    "请写一个函数，检查月末结账之后退款是否仍然正确入账，并说明为什么报表会显示负数。",
    "この関数のバグを修正して、テストを追加してください。なぜ起きますか？",
    "다음 코드를 검토하고 버그를 수정해 주세요",
    "اكتب دالة وأصلح الخطأ ثم اشرح لماذا",
    "इस फ़ंक्शन को ठीक करें और समझाएं क्यों",
    "Γράψε μια ιστορία για τη θάλασσα",
    "\u00a0odd\u2028spaces\u0085and\x1ccontrols\x00here\ufeff, é1 ½ ² Ⅷ ﬁ 𝒳 😀😀😀😀😀😀😀😀 \ud800 İstanbul ıs",
    "!!!!!!!!!!!!! ??? ------------ ======== (((((((((( {{{{{{ ~~~~~ |||| \x7f\x7f",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 00000000000000 1234567890123 éééééééééééééé",
    "    indented line\n\ttabbed line\n- item\n* item\n    - nested item\r\nwindows line\r\n",
    "/compact the last part",
    "a",
    ",",
)  # fmt: skip
LONG = (
    "We keep the orders of each customer in one table; refunds are in another. ",
    "x = f(1)\n",
    "写代码吧。",
)


def prompts():
    whole = "\n".join(ASKS)
    yield from ASKS
    yield from (whole[start : start + 3000] for start in range(0, len(whole), 700))
    yield from (f"{ask} {piece * (6000 // len(piece))} {ask}" for piece in LONG for ask in ASKS[:6])


def seen(text):
    """Everything the artefact and the rules go by; floats to nine digits, for logarithms differ between systems."""
    _, reading, votes = rules.weigh(text)
    if reading is None:
        return "no reading"
    found = form.Form(text, reading, 0.5, 0.5)
    facts = (
        reading.chars, reading.sentences, sorted(reading.distinct), sorted(reading.counts.items()),
        sorted(reading.hits.items()), sorted(reading.marks), reading.words, reading.names, reading.numbers,
        reading.paste, reading.foreign, reading.question, sorted(found.grams), sorted(found.ask), found.genre,
    )  # fmt: skip
    floats = [f"{value:.9g}" for value in (*found.measures, *votes.values())]
    return repr(facts) + repr(floats)


def test_features_are_those_the_artefact_was_trained_on():
    digest = hashlib.sha256("\n".join(map(seen, prompts())).encode("utf-8", "surrogatepass")).hexdigest()
    assert (artefact.VERSION, digest[:16]) == (3, "c7b2ec942ede899a")


@pytest.mark.parametrize("name", words.MARKS)
def test_every_sign_holds_what_its_row_is_looked_up_by(name):
    for part, signs in words.MARKS[name].items():
        assert all(part in sign for sign in signs.split("¦"))


def test_quotations_are_left_out_whatever_stands_around_them():
    assert features.read("rename `a b c` and 'd e' to https://x.y/z now").sentences == [
        ["rename", "#", "and", "#", "to", "#", "now"]
    ]
