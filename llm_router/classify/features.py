"""What a prompt looks like: its ask (prose, without pastes and quotations), sentences, words by category, marks.

Pure and standard library only; nothing is kept between calls. The hooks load this file by its path in a bare
interpreter, so it imports nothing that is slow to import. The cost is bounded: however long the text, only its
first HEAD and last TAIL characters are looked at.
"""

import re

try:
    from . import words
except ImportError:  # loaded by path, outside the package
    import words

HEAD, TAIL = 2500, 1500
ASK_HEAD, ASK_TAIL = 900, 500
PASTE_LINES = 3  # so many lines that are not prose make a paste; fewer belong to the sentence

_TOKEN = re.compile(r"[\w$@#~/\\.'’+-]+|[,;:?!\n。？！、]")
_QUOTED = re.compile(
    r"`[^`\n]*`|\"[^\"\n]{1,200}\"|“[^”\n]{1,200}”|«[^»\n]{1,200}»|「[^」\n]{1,200}」"
    r"|(?<!\w)'[^'\n]{1,120}'(?!\w)|https?://\S+"
)
_STOPS = frozenset(".?!\n。？！")
_NOISE = str.maketrans("", "", "{}()[];=<>|_\\/+*&$@#%^~:,.0123456789-\"'\t")
_BOX = str.maketrans("", "", "─│┌┐└┘├┤┬┴┼═║█▕▏▌▐░▒▓✓✔✗✅❌·•")
_PASTE_STARTS = tuple(words.PASTE_STARTS.split("¦"))
_OPTIONS = (("\nA. ", "\nB. "), ("\nA) ", "\nB) "), ("\n(A)", "\n(B)"), ("\na) ", "\nb) "))

_categories_of: dict[str, tuple[str, ...]] = {}
for _name, _table in words.WORDS.items():
    for _word in _table.split():
        _categories_of[_word] = (*_categories_of.get(_word, ()), _name)
_phrases_at: dict[str, list[tuple[str, str]]] = {}  # by their first word
for _name, _table in words.PHRASES.items():
    for _phrase in _table.split("|"):
        _parts = _phrase.split()
        _categories_of.setdefault(_parts[0], ())
        _phrases_at.setdefault(_parts[0], []).append((f" {' '.join(_parts)} ", _name))
_marks = [(name, table.split("¦")) for name, table in words.MARKS.items()]
_stems_at: dict[str, list[tuple[str, str]]] = {}  # filled when first needed


class Reading:
    """What was found in one text. `counts` holds the distinct words of each category, `hits` phrases, marks, stems."""

    def __init__(self, chars: int) -> None:
        self.chars = chars
        self.sentences: list[list[str]] = []
        self.distinct: set[str] = set()
        self.counts: dict[str, int] = {}
        self.hits: dict[str, int] = {}
        self.marks: set[str] = set()
        self.words = 0
        self.names = 0  # identifiers, paths, quotations
        self.numbers = 0
        self.paste = 0  # lines
        self.foreign = False
        self.question = False

    def count(self, category: str) -> int:
        return self.counts.get(category, 0)


def categories(word: str) -> tuple[str, ...]:
    return _categories_of.get(word, ())


def windows(text: str) -> tuple[str, str]:
    """The only parts of a text that are ever looked at: its head and, if it is long, its tail."""
    if len(text) <= HEAD + TAIL:
        return text, ""
    return text[:HEAD], text[-TAIL:]


def read(text: str) -> Reading:
    head, tail = windows(text)
    reading = Reading(len(text))
    _mark(reading, f"\n{head[:1800]}\n{(tail or head[1800:])[-700:]}")
    ask = _prose(reading, _without_fences(head, tail))
    if len(ask) > ASK_HEAD + ASK_TAIL:
        ask = f"{ask[:ASK_HEAD]}\n{ask[-ASK_TAIL:]}"
    ask = _QUOTED.sub(" # ", ask)
    _tokenise(reading, ask)
    for word in reading.distinct:
        for name in _categories_of[word]:
            reading.counts[name] = reading.counts.get(name, 0) + 1
    reading.question = ask.rstrip(" \n)\"'!").endswith(("?", "？", "؟"))
    _find(reading, ask)
    return reading


def _mark(reading: Reading, window: str) -> None:
    for name, signs in _marks:
        found = 0
        for sign in signs:
            found += sign in window
        if found:
            reading.marks.add(name)
        reading.hits[f"#{name}"] = found
    if any(first in window and second in window for first, second in _OPTIONS):
        reading.marks.add("options")


def _without_fences(head: str, tail: str) -> str:
    """Cut ``` blocks and system reminders; one that the window opens or closes halfway is cut to its end."""
    while "<system-reminder>" in head:
        before, _, rest = head.partition("<system-reminder>")
        head = before + rest.partition("</system-reminder>")[2]
    tail = tail.rpartition("</system-reminder>")[2]
    pieces = head.split("```")[::2]
    if tail:
        closing = tail.split("```")
        pieces += closing[(len(closing) - 1) % 2 :: 2]
    return "\n".join(pieces)


def _prose(reading: Reading, window: str) -> str:
    """The lines a person wrote, as far as they can be told from logs, diffs, tables and code."""
    lines = window.split("\n")
    kept: list[str] = []
    for line in lines:
        bare = line.strip()
        if bare and _is_paste(line, bare):
            reading.paste += 1
        else:
            kept.append(bare)
    if reading.paste < PASTE_LINES or not any(kept):
        return window
    return "\n".join(kept)


def _is_paste(line: str, bare: str) -> bool:
    if bare.startswith(_PASTE_STARTS) or (line.startswith(("    ", "\t")) and bare[:2] not in {"- ", "* "}):
        return True
    noise = len(bare) - len(bare.translate(_NOISE))
    if not bare.isascii():
        noise += 2 * (len(bare) - len(bare.translate(_BOX)))
    return noise > (0.25 if len(bare) > 12 else 0.5) * len(bare) or bare.endswith(("{", "};", ");", "})"))


def _tokenise(reading: Reading, ask: str) -> None:
    """Fill sentences of lower-cased words; `#` stands for a name, `0` for a number; a last "?" is kept."""
    sentence: list[str] = []
    for raw in _TOKEN.findall(ask):
        if raw in _STOPS:
            if sentence:
                reading.sentences.append([*sentence, "?"] if raw in {"?", "？"} else sentence)
                sentence = []
            continue
        if raw in _categories_of:
            reading.distinct.add(raw)
            reading.words += 1
            sentence.append(raw)
            continue
        token = _odd_word(reading, raw)
        if token:
            sentence.append(token)
        if raw[-1] == "." and len(raw) > 2 and sentence:
            reading.sentences.append(sentence)
            sentence = []
    if sentence:
        reading.sentences.append(sentence)


def _odd_word(reading: Reading, raw: str) -> str:
    """A token that is in no table as it stands: capitals, unknown words, names, numbers, mere punctuation."""
    word = raw.strip("./-'’+").lower().replace("’", "'")
    if not word:
        return ""
    if word in _categories_of and raw[0] not in "-/":
        reading.distinct.add(word)
        reading.words += 1
        return word
    if word[0] >= "\u2e80":  # a run of a script without spaces: about two characters a word
        reading.words += (len(word) + 1) // 2
        return word
    plain = word.isalpha() or word.replace("-", "").replace("'", "").isalpha()
    if plain and raw[0] not in "-/" and (raw[1:].islower() or raw.isupper() or len(raw) == 1):
        reading.words += 1
        return word
    if word[0].isdigit():
        reading.numbers += 1
        return "0"
    reading.names += 1
    return "#"


def _find(reading: Reading, ask: str) -> None:
    flat = f" {' '.join([' '.join(sentence) for sentence in reading.sentences])} "
    hits = reading.hits
    for word in reading.distinct & _phrases_at.keys():
        for phrase, name in _phrases_at[word]:
            if phrase in flat:
                hits[name] = hits.get(name, 0) + 1
    latin, strange = True, reading.count("foreign")
    if not ask.isascii():
        letters = set(ask)
        others = sum(map(_is_other_script, letters))
        latin = others < 2 or 3 * others < sum(char.isascii() and char.isalpha() for char in letters)
        strange += 2 * any(map(_is_accented, letters))
    reading.foreign = not latin or strange > reading.count("english") + (reading.words > 14)
    if reading.foreign:
        _find_stems(reading, flat if latin else f" {ask.lower()} ", latin=latin)


def _is_other_script(char: str) -> bool:
    return "\u0370" <= char < "\u1e00" or "\u2e80" <= char < "\ud7b0"


def _is_accented(char: str) -> bool:
    return "\u00c0" <= char < "\u0250" or "\u1e00" <= char < "\u1f00"


def _find_stems(reading: Reading, flat: str, *, latin: bool) -> None:
    if not _stems_at:
        _index_stems()
    flat = f"{flat[:500]} {flat[-300:]}" if len(flat) > 800 else flat
    keys = {f"{word} "[:3] for word in flat.split()} if latin else set(flat)
    for key in keys & _stems_at.keys():
        for stem, name in _stems_at[key]:
            if stem in flat:
                reading.hits[f"~{name}"] = reading.hits.get(f"~{name}", 0) + 1


def _index_stems() -> None:
    """By their first three characters those that start a word, by their first character those that may stand anywhere."""
    for name, table in words.STEMS.items():
        for entry in " ".join(table.split()).split("|"):
            stem = entry.lstrip()
            if stem[0] == "~":
                _stems_at.setdefault(stem[1], []).append((stem[1:].rstrip(), name))
            else:
                _stems_at.setdefault(f"{stem} "[:3], []).append((f" {stem}", name))
