"""Could another model answer this prompt from its text alone? Words in sets, no patterns: compiling those costs more.

`needs(prompt)` names what the prompt leans on, "" when it stands by itself:

    command       a slash command, a shell line, something the host wrote itself
    long          more text than is worth writing a second time as an argument
    conversation  a follow-up, or something said before
    project       files, the repository, the machine
    host          what only the host may do: permissions, settings, pushing, running
    opt-out       the user says who shall answer
    news          what happens now, which only a search can tell
"""


def _set(table: str) -> "frozenset[str]":
    return frozenset(table.split())


LONGEST = 6000  # characters

_EDGES = ".,;:!?()[]{}<>\"'`*“”‘’«»„…。，！？、：；（）「」"
_MARKS = ("/", "!", "<", "@", "\\", "#")

# A prompt that starts so goes on with what was said before.
_CONTINUES = _set("""yes yeah yep yup ya no nope nah ok okay k sure right correct exactly great good nice perfect cool thanks thank thx
    continue proceed go resume retry again also and but or so then now next instead actually wait hmm hm oh ah well
    still same another more less keep stop undo revert done fine agreed please-continue lgtm yay ouch sorry oops
    ja nein weiter oui non sí si да нет дальше""")
_SAID_BEFORE = _set("""above below earlier previously previous aforementioned again we us our ours let's lets we're we've we'll we'd
    yours nevermind remaining leftover todo todos
    diese dieser dieses diesen diesem dies obige unser unsere cette cet ces notre nos este esta estos estas nuestro
    nuestra esse essa isso nosso nossa questo questa questi nostro nostra deze onze этот эта это эту эти этого наш
    наша нашего""")
_SAID_PARTS = (
    "这个",
    "這個",
    "这段",
    "上面",
    "刚才",
    "我们",
    "この",
    "その",
    "これ",
    "それ",
    "上の",
    "위의",
    "이것",
    "우리",
)
_SAID_PHRASES = (
    "you said", "you wrote", "you made", "you did", "you just", "you mentioned", "you suggested", "you gave",
    "you proposed", "you found", "you have", "you've", "your answer", "your last", "your plan", "your change",
    "your suggestion", "your code", "as before", "so far", "do that", "do it", "like that", "about that", "that one",
    "this one", "the other", "the rest", "the same", "the first one", "the second one", "the last one", "the former",
    "the latter", "one more", "step 1", "step 2", "step 3", "step 4", "option a", "option b", "option 1", "option 2",
    "try it", "the following", "the given", "the attached", "what about", "how about",
)  # fmt: skip
_POINTS = _set("this these those that")
_TIMES = _set("week weekend month year morning afternoon evening century decade day days time age")
_PRONOUNS = _set("it it's its them they they're their these those he she his her")
# After "that" these make it a joint of the sentence ("a function that returns"), not a finger.
_MATTERS = _set("""file function class method code test tests bug error issue change commit branch thing module script approach idea
    part section list table answer output result plan case page component endpoint option line block variable query
    message log image picture screenshot diff pr patch repo project app directory folder feature problem""")
# "the build", "my tests": things of a project. "the function of the liver" is about something else.
_THINGS = _MATTERS | _set("""codebase repository application build builds server client database db api apis docs documentation readme
    config configuration settings spec specs design schema migration migrations logs ci pipeline changes user users ui
    dashboard frontend backend workflow package packages dependency dependencies lint linter typechecker
    deployment container image service services worker workers job jobs parser router handler modal button form header
    footer sidebar menu login tests suite fixture changelog release version ticket tickets card board backlog website
    site homepage cli tool tools machine computer laptop disk terminal shell environment env port process""")
_OWNERS = _set("the my")
_LOCAL = ("localhost", "127.0.0.1", "in here", "this folder", "on my ", "current directory", "current branch",
          "current file", "current folder", "working tree", "working directory", "is installed", "are installed",
          "codebase", "the repo", "stack trace above")  # fmt: skip
_SUFFIXES = tuple(
    f".{name}"
    for name in _set("""py ts tsx js jsx mjs go rs rb java kt c h cc cpp hpp cs php swift scala sh bash zsh sql md mdx txt
    json jsonc yaml yml toml ini cfg conf lock csv tsv html css scss vue svelte ipynb xml log env pdf docx xlsx png jpg
    svg diff patch dockerfile proto tf gradle""")
)
_PRODUCTS = _set(
    "node next vue nuxt three d3 express react angular ember chart p5 backbone discord alpine moment require"
)

_ACTS = _set("""push pull commit merge rebase cherry-pick stash checkout deploy publish release run rerun execute start restart
    launch install uninstall upgrade open close kill delete remove rm mv cp ls cd cat grep find git npm npx pnpm yarn
    pip uv cargo make docker kubectl terraform brew apt sudo curl chmod chown ssh lint format rename move read look
    check inspect search-for list grant allow deny approve reject enable disable configure login logout""")
_POLITE = _set("please can could would you kindly i'd like to want need i just go ahead hey hi hello claude")
_HOSTS = _set(
    "claude codex gemini host bash mcp yourself session hook hooks subagent subagents llm-router tool tools"
)
_RIGHTS = _set(
    "permission permissions setting settings allowlist denylist allow deny approve trust config configure enable "
    "disable hook hooks mode sandbox"
)
_OPT_OUT = ("llm_", "llm-router", "llm router", "don't route", "do not route", "no routing", "without routing",
            "answer yourself", "answer it yourself", "do it yourself", "without tools", "don't use tools")  # fmt: skip
_NEWS = _set("today tonight yesterday tomorrow currently latest newest news weather breaking")
_NEWS_PHRASES = ("right now", "up to date", "up-to-date", "this week", "this month", "at the moment")


def needs(prompt: str) -> str:
    text = prompt.strip()
    if not text or text.startswith(_MARKS):
        return "command"
    if len(text) > LONGEST:
        return "long"
    prose, shown = apart(text)
    flat = f" {' '.join(prose.lower().split())} "
    words = [word for word in (raw.strip(_EDGES) for raw in flat.split()) if word]
    if any(phrase in flat for phrase in _OPT_OUT):
        return "opt-out"
    if _host_critical(words):
        return "host"
    if _goes_on(words) or _points_back(words, flat, shown):
        return "conversation"
    if _at_hand(words, flat, shown):
        return "project"
    if not _NEWS.isdisjoint(words) or any(phrase in flat for phrase in _NEWS_PHRASES):
        return "news"
    return ""


def apart(text: str) -> "tuple[str, bool]":
    """The prose without fenced and quoted material, and whether the prompt shows such material at all."""
    pieces = text.split("```")
    prose = "\n".join(pieces[::2])
    shown = len(pieces) > 2 and any(len(piece.split()) > 2 for piece in pieces[1::2])
    for opening, closing in (('"', '"'), ("“", "”"), ("«", "»"), ("「", "」"), ("`", "`")):
        prose, quoted = _unquoted(prose, opening, closing)
        shown = shown or quoted
    head, colon, rest = prose.partition(":")
    if colon and (rest.startswith("\n") or len(rest.split()) > 3) and _POINTS & {*head.lower().split()}:
        return head, True  # "translate this: good morning to all of you"
    return prose, shown


def word_count(text: str) -> int:
    """Words; in scripts that put no spaces between them, two characters count as one."""
    return sum((len(word) + 1) // 2 if word[0] >= "\u2e80" else 1 for word in text.split())


def _unquoted(prose: str, opening: str, closing: str) -> "tuple[str, bool]":
    kept, shown = [], False
    while True:
        before, start, rest = prose.partition(opening)
        inside, end, after = rest.partition(closing)
        if not start or not end:
            return "".join((*kept, prose)), shown
        kept += [
            before,
            " ",
            inside if opening == "`" else "",
        ]  # names in backticks stay part of the sentence
        shown = shown or (opening != "`" and len(inside.split()) > 1)
        prose = after


def _goes_on(words: "list[str]") -> bool:
    return not words or word_count(" ".join(words)) < 3 or words[0] in _CONTINUES


def _points_back(words: "list[str]", flat: str, shown: bool) -> bool:
    if any(phrase in flat for phrase in (f" {p} " for p in _SAID_PHRASES[:-7])):
        return True
    if shown:  # it speaks of the material it brings along
        return not {"we", "our", "again", "earlier", "previous"}.isdisjoint(words)
    if not _SAID_BEFORE.isdisjoint(words) and not _country(words, flat):
        return True
    if any(part in flat for part in _SAID_PARTS) or any(f" {p} " in flat for p in _SAID_PHRASES[-7:]):
        return True
    return not _PRONOUNS.isdisjoint(words[:5]) or _finger(words)


def _country(words: "list[str]", flat: str) -> bool:
    """Only "us" spoke: in lower case nobody can tell whether it is the country; "the us" is."""
    return _SAID_BEFORE & {*words} == {"us"} and " the us " in flat


def _finger(words: "list[str]") -> bool:
    """this/these/those before a thing, "that" before one of ours; "this week" is a time."""
    for place, word in enumerate(words):
        if word in _POINTS:
            after = words[place + 1] if place + 1 < len(words) else ""
            if word == "that":
                if after in _MATTERS or not after or not place:
                    return True
            elif after not in _TIMES:
                return True
    return False


def _at_hand(words: "list[str]", flat: str, shown: bool) -> bool:
    if any(phrase in flat for phrase in _LOCAL) or "://" in flat:
        return True
    if any(map(_is_file, words)):
        return True
    if shown:
        return False
    for owner, thing, after in zip(words, words[1:], [*words[2:], ""], strict=False):
        if owner in _OWNERS and thing in _THINGS and (owner == "my" or after not in {"of", "that", "which"}):
            return True
        if (
            owner == "the"
            and after in _THINGS
            and thing not in _THINGS
            and thing.endswith(("ing", "ed", "new", "current", "old"))
        ):
            return True
    return False


def _is_file(word: str) -> bool:
    if word.startswith(("@", "./", "../", "~/")) or (word.startswith("/") and len(word) > 1):
        return True
    if word.endswith(_SUFFIXES):
        stem = word.rpartition(".")[0]
        return bool(stem) and stem not in _PRODUCTS
    return word.count("/") > 1 or ("/" in word and "_" in word)


def _host_critical(words: "list[str]") -> bool:
    """An order to act on the machine, or the host's own permissions and settings."""
    first = next((word for word in words if word not in _POLITE), "")
    if first in _ACTS:
        return True
    said = {*words}
    return bool(said & _RIGHTS and said & _HOSTS) or "--force" in said or "rm -rf" in " ".join(words)
