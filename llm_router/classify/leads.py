"""What one sentence asks for: its first verb or question word, and the thing that verb makes. Pure, standard library."""

try:
    from . import features, words
except ImportError:  # loaded by path, outside the package
    import features
    import words

Lead = tuple[str, float, str]  # task, strength, reason

MEDIA = {"audio_noun": "audio", "video_noun": "video", "image_noun": "image"}
_kinds_of = features.CATEGORIES.get
_JUDGES = frozenset(words.WORDS["judge"].split())
_MEDIA_NOUNS = frozenset(word for name in MEDIA for word in words.WORDS[name].split())
_NO_PICTURE = {"docker", "container", "disk", "base", "vm", "boot", "oci", "system", "iso"}


def lead(sentence: list[str]) -> list[Lead]:
    position = _first_meaningful(sentence)
    if position is None:
        return []
    word, rest = sentence[position], sentence[position + 1 :]
    kinds = _kinds_of(word, ())
    media = _media(sentence, position, kinds)
    if media:
        return [(media, 6.0, f"makes {media}")]
    asks = sentence[-1] == "?"
    if "question" in kinds and (asks or position <= 2):
        return _question(word, rest)
    if asks:
        opening = next((w for w in sentence[: min(position + 1, 4)] if "polar" in _kinds_of(w, ())), "")
        if opening:
            return _polar(opening, sentence)
    if word in {"don't", "stop", "never"} and rest and "code_verb" in _kinds_of(rest[0], ()):
        return [("code", 3.0, f"{word} {rest[0]}")]
    return _verb(word, kinds, rest)


def _first_meaningful(sentence: list[str]) -> int | None:
    """Where the request begins: after politeness, and after "in the parser," or "when it fails,"."""
    position = 0
    while position < len(sentence) and (
        "filler" in _kinds_of(sentence[position], ()) or (position and sentence[position] in {",", ":"})
    ):
        position += 1
    if position >= len(sentence):
        return None
    start = (
        sentence[position - 1] if position and sentence[position - 1] in {"for", "if"} else sentence[position]
    )
    if start == "if" or "preposition" in _kinds_of(start, ()):
        for comma in range(position, min(position + 14, len(sentence) - 1)):
            if sentence[comma] == ",":
                inner = _first_meaningful(sentence[comma + 1 :])
                return None if inner is None else comma + 1 + inner
    return position


def _question(word: str, rest: list[str]) -> list[Lead]:
    following = rest[0] if rest else ""
    if word.startswith("why"):
        return [("analyze", 3.0, "why")]
    if word in {"how", "how's"}:
        if following in {
            "many",
            "much",
            "good",
            "well",
            "likely",
            "far",
            "does",
            "did",
            "come",
            "would",
            "should",
        }:
            return [("analyze", 1.5, f"how {following}"), ("query", 1.5, f"how {following}")]
        return [("query", 2.5, "how to")]
    if not _JUDGES.isdisjoint(rest):
        return [("analyze", 2.5, f"{word}, to be judged"), ("query", 1.5, word)]
    return [("query", 2.5 if len(rest) < 14 else 1.5, word)]


def _polar(opening: str, sentence: list[str]) -> list[Lead]:
    if "there" in sentence[:4] and opening in {"is", "are"}:
        return [("query", 2.5, "is there ...?")]
    if opening in {"is", "are", "does", "do", "did", "has", "have"} and len(sentence) < 8:
        return [("query", 2.0, f"{opening} ...?"), ("analyze", 1.5, f"{opening} ...?")]
    return [("analyze", 2.5, f"{opening} ...?")]


def _verb(word: str, kinds: tuple[str, ...], rest: list[str]) -> list[Lead]:
    if "code_verb" in kinds and "make_verb" not in kinds:
        return [("code", 3.0, word)]
    if "make_verb" in kinds or "text_verb" in kinds:
        return _making(word, kinds, rest)
    if "judge_verb" in kinds:
        return [("analyze", 3.0, word)]
    if "search_verb" in kinds:
        return [("research", 1.5, word), ("analyze" if word == "find" else "research", 1.0, word)]
    if "ask_verb" in kinds:
        return [("query", 1.5, word)]
    return []


def _making(word: str, kinds: tuple[str, ...], rest: list[str]) -> list[Lead]:
    """Verbs that make something: what they make decides."""
    made = _object(rest)
    if word == "design" and made != "generate":
        return [("analyze", 1.5, word), ("code", 2.0 if made else 0.5, word)]
    if "make_verb" not in kinds and word not in {"rewrite", "name", "continue"}:
        return [
            ("code" if {"code", "function", "script", "program"} & {*rest[:5]} else "generate", 2.5, word)
        ]
    if made:
        return [(made, 3.0, f"{word} {'text' if made == 'generate' else made}")]
    if "text_verb" in kinds:
        return [("generate", 2.0, word)]
    if word in {"need", "want", "give", "show", "prompt", "come"}:
        return [("query", 0.5, word)]
    return [("code", 1.5, word)]


def _object(rest: list[str]) -> str:
    """The kind of the first known thing after a verb: "code", "generate" or "". Of nouns in a row the last counts."""
    made = ""
    for place, word in enumerate(rest[:14]):
        kinds = _kinds_of(word, ())
        if "text_noun" in kinds or (word == "script" and rest[place - 1] in _MEDIA_NOUNS):
            made = "generate"
        elif "code_noun" in kinds or word == "#":
            made = "code"
        elif made or word in {"that", "which", "about", "for"}:
            break
    return made


def _media(sentence: list[str], position: int, kinds: tuple[str, ...]) -> str:
    """Whether a picture, a clip or a sound is to be made; not when one is only spoken of."""
    if "audio_verb" in kinds:
        return "audio"
    if "video_verb" in kinds and sentence[position + 1 : position + 2] in (["a"], ["an"], ["this"], ["my"]):
        return "video"
    if _MEDIA_NOUNS.isdisjoint(sentence):
        return _drawn(sentence, position, kinds)
    making = "make_verb" in kinds or "draw_verb" in kinds or "like" in sentence[:position]
    for place in range(
        position + ("make_verb" in kinds), min(position + (12 if making else 3), len(sentence))
    ):
        word, before = sentence[place], sentence[place - 1] if place else ""
        after, later = [*sentence[place + 1 : place + 3], "", ""][:2]
        noun = next((MEDIA[name] for name in _kinds_of(word, ()) if name in MEDIA), "")
        if noun and not _is_thing(after, "code_noun", "text_noun") and not _is_thing(later, "code_noun"):
            spoken_of = before in _NO_PICTURE or (
                _is_thing(before, "here") and sentence[position] not in {"generate", "draw", "paint"}
            )
            named = making or after in {"of", "for", ":", "showing", "with"}
            return noun if named and not spoken_of else ""
        if word in {"that", "which"} or (
            _is_thing(word, "code_noun", "text_noun") and not _is_thing(after, *MEDIA)
        ):
            break
    return _drawn(sentence, position, kinds)


def _drawn(sentence: list[str], position: int, kinds: tuple[str, ...]) -> str:
    return "image" if "draw_verb" in kinds and sentence[position] != "render" else ""


def _is_thing(word: str, *names: str) -> bool:
    return any(name in names for name in _kinds_of(word, ()))
