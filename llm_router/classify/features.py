"""What a prompt looks like: its ask (prose, without pastes and quotations), sentences, words by category, marks.

Pure and standard library only; nothing is kept between calls. The hooks load this file by its path in a bare
interpreter, so it imports nothing that is slow to import; `re` and its patterns alone cost more than all that is here.
The cost is bounded: however long the text, only its first HEAD and last TAIL characters are looked at.
"""

try:
    from . import words
except ImportError:  # loaded by path, outside the package
    import words

HEAD, TAIL = 2500, 1500
ASK_HEAD, ASK_TAIL = 900, 500
PASTE_LINES = 3  # so many lines that are not prose make a paste; fewer belong to the sentence

# A token is a run of letters, digits and _JOINED, or one of _ALONE, or the end of a line.
_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # of ASCII
_JOINED = "_$@#~/\\.'’+-"
_ALONE = ",;:?!。？！、"
_LINE_END = "\0"  # no token of any text, once it is cut
_WIDE = "\u2e80"  # from here on letters stand for more, and words without spaces between them
_CUT = {
    **dict.fromkeys(range(128), " "),
    **{ord(char): char for char in f"\n{_JOINED}{_ALONE}{_ALPHANUMERIC}"},
}
_STOPS = frozenset((".", "?", "!", "。", "？", "！", _LINE_END))
_QUESTIONS = frozenset("?？")
# How a quotation opens: how it closes, and how many characters it holds, at least and at most.
_QUOTATIONS = {
    "`": ("`", 0, ASK_HEAD + ASK_TAIL),
    '"': ('"', 1, 200),
    "“": ("”", 1, 200),
    "«": ("»", 1, 200),
    "「": ("」", 1, 200),
    "'": ("'", 1, 120),
}
_NOISE = b"{}()[];=<>|_\\/+*&$@#%^~:,.0123456789-\"'\t"
_BOX = "─│┌┐└┘├┤┬┴┼═║█▕▏▌▐░▒▓✓✔✗✅❌·•"
_PASTE_STARTS = tuple(words.PASTE_STARTS.split("¦"))
_OPTIONS = (("\nA. ", "\nB. "), ("\nA) ", "\nB) "), ("\n(A)", "\n(B)"), ("\na) ", "\nb) "))


Categories = dict[str, tuple[str, ...]]
Phrases = dict[str, list[tuple[str, str, str]]]


def _known() -> tuple[Categories, Phrases]:
    """The categories of every word that is known, and phrases by their first word, each with its last word and category."""
    categories: Categories = {}
    phrases: Phrases = {}
    for name, table in words.WORDS.items():
        own = (name,)
        for word in table.split():
            categories[word] = categories.get(word, ()) + own
    for name, table in words.PHRASES.items():
        for phrase in f" {' '.join(table.split())} ".split("|"):
            first, last = phrase[1 : phrase.index(" ", 1)], phrase[phrase.rindex(" ", 0, -1) + 1 : -1]
            categories.setdefault(first, ())
            phrases.setdefault(first, []).append((phrase, last, name))
    return categories, phrases


CATEGORIES, _phrases_at = _known()
_marks = [
    (name, [(char, signs.split("¦")) for char, signs in table.items()]) for name, table in words.MARKS.items()
]
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
    ask = _without_quotations(ask)
    letters: frozenset[str] = frozenset() if ask.isascii() else frozenset(ask)
    _tokenise(reading, ask, letters)
    counts = reading.counts
    for word in reading.distinct:
        for name in CATEGORIES[word]:
            counts[name] = counts.get(name, 0) + 1
    reading.question = ask.rstrip(" \n)\"'!").endswith(("?", "？", "؟"))
    _find(reading, ask, letters)
    return reading


def _mark(reading: Reading, window: str) -> None:
    for name, table in _marks:
        found = 0
        for char, signs in table:
            if char in window:
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
    kept: list[str] = []
    boxes = [] if window.isascii() else [sign for sign in _BOX if sign in window]
    for line in window.split("\n"):
        bare = line.strip()
        if bare and _is_paste(line, bare, boxes):
            reading.paste += 1
        else:
            kept.append(bare)
    if reading.paste < PASTE_LINES or not any(kept):
        return window
    return "\n".join(kept)


def _is_paste(line: str, bare: str, boxes: "list[str]") -> bool:
    if bare.startswith(_PASTE_STARTS) or (line.startswith(("    ", "\t")) and bare[:2] not in {"- ", "* "}):
        return True
    raw = bare.encode("utf-8", "surrogatepass")
    noise = len(raw) - len(raw.translate(None, _NOISE))
    noise += 2 * sum(map(bare.count, boxes))
    return noise > (0.25 if len(bare) > 12 else 0.5) * len(bare) or bare.endswith(("{", "};", ");", "})"))


def _without_quotations(ask: str) -> str:
    """`#` in place of what is quoted, and of addresses."""
    starts = [
        place for opening in (*_QUOTATIONS, "http") if opening in ask for place in _places(ask, opening)
    ]
    if not starts:
        return ask
    kept: list[str] = []
    done = 0
    for start in sorted(starts):
        end = _quotation_end(ask, start) if start >= done else 0
        if end:
            kept.append(ask[done:start])
            done = end
    return " # ".join([*kept, ask[done:]])


def _places(ask: str, sign: str) -> list[int]:
    places = [ask.find(sign)]
    while places[-1] >= 0:
        places.append(ask.find(sign, places[-1] + 1))
    return places[:-1]


def _quotation_end(ask: str, start: int) -> int:
    """Where the quotation or address that starts here ends; 0 if it does not, or not on its line."""
    opening = ask[start]
    if opening == "h":
        address = ask[start:].split(maxsplit=1)[0]
        scheme, _, rest = address.partition("://")
        return start + len(address) if rest and scheme in {"http", "https"} else 0
    closing, least, most = _QUOTATIONS[opening]
    end = ask.find(closing, start + 1)
    if not least < end - start <= most + 1 or "\n" in ask[start:end]:
        return 0
    if opening == "'" and (_is_of_word(ask[start - 1 : start]) or _is_of_word(ask[end + 1 : end + 2])):
        return 0
    return end + 1


def _is_of_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _cut(ask: str, letters: frozenset[str]) -> list[str]:
    """The tokens, with the ends of lines; one more of these ends the text. `letters` are empty where all is ASCII."""
    if not letters:
        ask = ask.translate(_CUT)
    for char in letters:
        if not char.isalnum() and char not in _JOINED and char not in _ALONE and char != "\n":
            ask = ask.replace(char, " ")
    for char in _ALONE:
        ask = ask.replace(char, f" {char} ")
    return f"{ask}\n".replace("\n", f" {_LINE_END} ").split()


def _tokenise(reading: Reading, ask: str, letters: frozenset[str]) -> None:
    """Fill sentences of lower-cased words; `#` stands for a name, `0` for a number; a last "?" is kept."""
    tokens = _cut(ask, letters)
    spoken = {*tokens}
    odd = spoken.difference(CATEGORIES, _STOPS)
    read_as = {raw: _odd_word(raw) for raw in odd if not (raw.isascii() and raw.isalpha() and raw.islower())}
    known = [word for word in read_as.values() if word in CATEGORIES]
    reading.distinct = spoken.difference(odd, _STOPS).union(known)
    words = [*map(read_as.get, tokens, tokens)]
    breaks = _STOPS.union([raw for raw in odd if raw[-1] == "." and len(raw) > 2])
    start = stops = 0
    for place in [place for place, raw in enumerate(tokens) if raw in breaks]:
        raw = tokens[place]
        stop = raw in _STOPS
        sentence = words[start : place if stop else place + 1]
        if "" in sentence:
            sentence = [word for word in sentence if word]
        if sentence:
            reading.sentences.append([*sentence, "?"] if raw in _QUESTIONS else sentence)
        start = place + 1
        stops += stop
    reading.names, reading.numbers = words.count("#"), words.count("0")
    reading.words = len(words) - stops - words.count("") - reading.names - reading.numbers
    wide = {word: (len(word) + 1) // 2 - 1 for word in read_as.values() if word and word[0] >= _WIDE}
    if wide:  # scripts without spaces: about two characters are a word
        reading.words += sum([wide.get(word, 0) for word in words])


def _odd_word(raw: str) -> str:
    """What a token is read as that is in no table as it stands: capitals, unknown words, names, numbers, punctuation."""
    word = raw.strip("./-'’+").lower().replace("’", "'")
    if not word:
        return ""
    if (word in CATEGORIES and raw[0] not in "-/") or word[0] >= _WIDE:
        return word
    plain = word.isalpha() or word.replace("-", "").replace("'", "").isalpha()
    if plain and raw[0] not in "-/" and (raw[1:].islower() or raw.isupper() or len(raw) == 1):
        return word
    return "0" if word[0].isdigit() else "#"


def _find(reading: Reading, ask: str, letters: frozenset[str]) -> None:
    flat = f" {' '.join([' '.join(sentence) for sentence in reading.sentences])} "
    spoken = {*flat.split()}
    hits = reading.hits
    for word in reading.distinct & _phrases_at.keys():
        for phrase, last, name in _phrases_at[word]:
            if last in spoken and phrase in flat:
                hits[name] = hits.get(name, 0) + 1
    latin, strange = True, reading.count("foreign")
    if letters:
        beyond = [char for char in letters if char > "\x7f"]
        others = sum(map(_is_other_script, beyond))
        latin = others < 2 or 3 * others < sum(map(str.isalpha, letters.difference(beyond)))
        strange += 2 * any(map(_is_accented, beyond))
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
