"""Routed answers and what a host made of them, written by hand to be like the real thing; what each pair is, is named.

PAIRS: (truth, kind, prompt, answer, tool calls after it, last message). "used": the answer's text replaced the host's.
"reworked": the host wrote it again, in its own words, in another language, or after doing the work itself, with the
answer at hand. "ignored": the answer left no trace.
"""

MUTEX_Q = "What is a mutex and when should I use one?"
MUTEX = """A **mutex** (mutual exclusion lock) lets only one thread at a time enter a critical section.

- A thread calls `lock()` before touching shared data and `unlock()` afterwards; others that call `lock()` block until the owner releases it.
- Use one when several threads read *and* write the same data and the update takes more than one atomic step.
- Prefer an atomic for a single counter, a read-write lock when reads dominate, and message passing when ownership can move instead.

Typical mistakes are forgetting to unlock on an early return, taking two locks in different orders (deadlock), and holding the lock while doing I/O."""

TCP_Q = "Explain the difference between TCP and UDP"
TCP = """TCP is connection-oriented: a three-way handshake sets up state on both ends, every byte is numbered, acknowledged and retransmitted if lost, and the receiver sees an ordered stream. Flow control and congestion control slow the sender down when the receiver or the network cannot keep up.

UDP sends independent datagrams. There is no handshake, no ordering, no retransmission and no congestion control; a packet arrives once, twice or never. The header is 8 bytes instead of at least 20.

Choose TCP for web pages, file transfer, databases and mail. Choose UDP for live audio and video, games, DNS lookups and anything that would rather lose a packet than wait for it. QUIC builds a reliable transport on top of UDP."""

BACKUP_Q = "Write a short announcement that the database will be down for maintenance on Saturday from 02:00 to 04:00 UTC"
BACKUP = """Subject: Scheduled maintenance this Saturday, 02:00 to 04:00 UTC

Hello everyone,

On Saturday between 02:00 and 04:00 UTC the primary database will be offline while we move it to faster disks. During this window you will not be able to sign in, and scheduled exports will be postponed until the work is finished.

You do not need to do anything. Jobs that were queued before the window resume by themselves. If something still looks wrong after 04:30 UTC, please reply to this message.

Thank you for your patience,
the platform team"""

CODE_Q = "Write a python function that merges overlapping intervals"
CODE = '''```python
def merge_intervals(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merge overlapping closed intervals; the result is sorted by start."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
```

Sorting dominates, so the cost is O(n log n); the pass over the sorted list is linear.'''
CODE_BODY = CODE.split("```")[1].removeprefix("python\n")

COMMIT_Q = "Write a commit message for a change that caches the parsed configuration and invalidates it when the file's mtime changes"
COMMIT = """Cache the parsed configuration until its file changes

Parsing the YAML took 40 ms on every request. The result is now kept together with the file's modification time and is parsed again only when that time differs. A missing file clears the cache, so that deleting the configuration falls back to the defaults at once."""

CACHE_Q = "Compare write-through and write-back caching for a product catalogue that is read far more often than written"
CACHE = """For a catalogue that is read far more often than written, write-through is the better default.

Write-through updates the cache and the store in one operation. Reads after a write are always fresh, a crash loses nothing, and the extra latency falls only on the rare writes. Its weakness, slow bursts of writes, hardly matters here.

Write-back acknowledges a write as soon as the cache has it and flushes later. It absorbs bursts and merges repeated updates of the same item, but a failed node can lose acknowledged prices, and every reader that bypasses the cache sees stale rows until the flush.

Recommendation: write-through with a time-to-live of a few minutes as a safety net, and a short queue in front of the nightly bulk import, the one moment where write-back would have helped."""

JA_Q = "ミューテックスとは何ですか？"
JA = "ミューテックスは、複数のスレッドが同時に共有データへアクセスするのを防ぐための排他制御の仕組みです。スレッドは処理の前にロックを取得し、終わったら解放します。ロックが取られている間、他のスレッドは待たされます。読み取りが多い場合は読み書きロック、単純なカウンタならアトミック変数のほうが適しています。"

DE_Q = "Schreibe eine kurze, freundliche Absage an einen Bewerber"
DE = """Liebe Frau Berger,

vielen Dank für Ihre Bewerbung und das Gespräch am Dienstag. Sie haben uns mit Ihrer Erfahrung im Bahnverkehr beeindruckt. Für die ausgeschriebene Stelle haben wir uns dennoch für eine Bewerberin entschieden, die bereits mit unserem Leitsystem gearbeitet hat.

Gern behalten wir Ihre Unterlagen für das Frühjahr, wenn wir das zweite Team aufbauen. Bis dahin wünschen wir Ihnen alles Gute.

Mit freundlichen Grüßen"""

CAPITAL_Q = "What is the capital of Australia?"
REGEX_Q = "Write a regex for a 5 digit US zip code with optional +4"
REGEX = r"^\d{5}(?:-\d{4})?$"

SEARCHED = ("WebSearch", {"query": "tcp udp difference congestion control"})
FETCHED = ("WebFetch", {"url": "https://example.org/udp", "prompt": "what does it say"})


def _write(path, content):
    return ("Write", {"file_path": path, "content": content})


PAIRS = [
    # ── used ──
    ("used", "verbatim", MUTEX_Q, MUTEX, [], MUTEX),
    ("used", "verbatim", TCP_Q, TCP, [], TCP),
    ("used", "verbatim", JA_Q, JA, [], JA),
    ("used", "verbatim", DE_Q, DE, [], DE),
    ("used", "one word", CAPITAL_Q, "Canberra", [], "The capital of Australia is **Canberra**."),
    (
        "used",
        "one line",
        CAPITAL_Q,
        "The capital of Australia is Canberra.",
        [],
        "The capital of Australia is Canberra.",
    ),
    (
        "used",
        "one line",
        REGEX_Q,
        REGEX,
        [],
        f"Use `{REGEX}`: five digits, then optionally a dash and four more.",
    ),
    (
        "used",
        "with comments",
        MUTEX_Q,
        MUTEX,
        [],
        f"Here is the answer from the router (qwen3):\n\n{MUTEX}\n\nIn this repository `Store` already wraps its map in one, see `src/store.rs`. Shall I check the other callers?",
    ),
    (
        "used",
        "with comments",
        CACHE_Q,
        CACHE,
        [],
        f"{CACHE}\n\n---\nI would add that your catalogue service has a read replica, so the time-to-live also has to cover replication lag.",
    ),
    (
        "used",
        "other layout",
        MUTEX_Q,
        MUTEX,
        [],
        MUTEX.replace("**", "").replace("`", "").replace("- ", "* ").replace("\n\n", "\n"),
    ),
    ("used", "other layout", TCP_Q, TCP, [], "> " + TCP.replace("\n\n", "\n>\n> ")),
    (
        "used",
        "pieces joined badly",
        TCP_Q,
        TCP,
        [],
        " ".join(TCP[at : at + 16] for at in range(0, len(TCP), 16)),
    ),
    (
        "used",
        "lightly edited",
        BACKUP_Q,
        BACKUP,
        [],
        BACKUP.replace("Hello everyone", "Hi all")
        .replace("faster disks", "new NVMe disks")
        .replace("the platform team", "Ops")
        .replace("please reply to this message", "please write to #platform"),
    ),
    (
        "used",
        "lightly edited",
        TCP_Q,
        TCP,
        [],
        TCP.replace("connection-oriented", "a connection-oriented protocol")
        .replace("Choose TCP for", "TCP suits")
        .replace("Choose UDP for", "UDP suits")
        .replace("The header is 8 bytes instead of at least 20. ", ""),
    ),
    (
        "used",
        "lightly edited",
        DE_Q,
        DE,
        [],
        DE.replace("Frau Berger", "Frau Dr. Berger")
        .replace("am Dienstag", "in der vergangenen Woche")
        .replace("Frühjahr", "nächste Frühjahr"),
    ),
    ("used", "shortened", TCP_Q, TCP, [], TCP.partition("\n\n")[0] + "\n\n" + TCP.split("\n\n")[2]),
    ("used", "shortened", CACHE_Q, CACHE, [], CACHE.partition("\n\n")[0] + " " + CACHE.split("\n\n")[3]),
    ("used", "shortened", MUTEX_Q, MUTEX, [], "\n".join(MUTEX.split("\n")[:4])),
    ("used", "one part quoted", CACHE_Q, CACHE, [], CACHE.split("\n\n")[3]),
    (
        "used",
        "written to a file",
        BACKUP_Q,
        BACKUP,
        [_write("docs/maintenance.md", BACKUP)],
        "I wrote the announcement to docs/maintenance.md.",
    ),
    (
        "used",
        "written to a file",
        CODE_Q,
        CODE,
        [_write("intervals.py", CODE_BODY)],
        "Done: `merge_intervals` is in intervals.py.",
    ),
    (
        "used",
        "written to a file after reading",
        CODE_Q,
        CODE,
        [
            ("Read", {"file_path": "ranges.py"}),
            ("Edit", {"file_path": "ranges.py", "old_string": "pass\n", "new_string": CODE_BODY}),
        ],
        "I put it into ranges.py, after the imports, and ran nothing yet.",
    ),
    (
        "used",
        "edited and tested",
        CODE_Q,
        CODE,
        [
            _write("intervals.py", CODE_BODY.replace("merged", "result").replace("merge_intervals", "merge")),
            ("Bash", {"command": "pytest -q"}),
        ],
        CODE.split("```")[2].strip() + " The tests pass.",
    ),
    (
        "used",
        "committed",
        COMMIT_Q,
        COMMIT,
        [("Bash", {"command": f"git commit -F - <<'EOF'\n{COMMIT}\nEOF"})],
        "Committed as 4f2a9c1.",
    ),
    (
        "used",
        "patched",
        CODE_Q,
        CODE,
        [
            (
                "Edit",
                {
                    "command": "*** Begin Patch\n*** Add File: intervals.py\n+"
                    + CODE_BODY.replace("\n", "\n+")
                    + "\n*** End Patch"
                },
            )
        ],
        "Added intervals.py.",
    ),
    ("used", "checked, then quoted", TCP_Q, TCP, [SEARCHED], f"{TCP}\n\nA quick search agrees with this."),
    # ── reworked ──
    (
        "reworked",
        "summarised",
        TCP_Q,
        TCP,
        [],
        "In short: TCP numbers and acknowledges every byte, so you get a reliable, ordered stream after a handshake, and it slows down under congestion. UDP just sends datagrams with an 8-byte header and gives no promises, which is what audio, video, games and DNS want. QUIC adds reliability above UDP.",
    ),
    (
        "reworked",
        "summarised",
        CACHE_Q,
        CACHE,
        [],
        "Go with write-through: reads dominate, so its slower writes hardly matter, a crash loses nothing and readers never see stale rows. Write-back would only help during the nightly bulk import, where a short queue does the same. Keep a time-to-live of some minutes as a net.",
    ),
    (
        "reworked",
        "summarised",
        MUTEX_Q,
        MUTEX,
        [],
        "A mutex makes sure that only a single thread is inside a critical section; the others block on lock() until the owner calls unlock(). Reach for it when threads update the same data in several steps. An atomic does for one counter, a read-write lock when reads dominate. Watch for early returns, lock order and I/O under the lock.",
    ),
    (
        "reworked",
        "translated",
        MUTEX_Q,
        MUTEX,
        [FETCHED],
        "Ein Mutex sorgt dafür, dass immer nur ein Thread einen kritischen Abschnitt betritt. Vor dem Zugriff auf gemeinsame Daten ruft der Thread `lock()` auf, danach `unlock()`; alle anderen warten so lange. Man verwendet ihn, wenn mehrere Threads dieselben Daten lesen und schreiben.",
    ),
    (
        "reworked",
        "half kept, half new",
        CACHE_Q,
        CACHE,
        [],
        CACHE.split("\n\n")[1]
        + "\n\nI see the rest differently. Your importer rewrites eighty percent of all rows each night, and the shop front already tolerates an hour of staleness, since the search index lags that much. Given those two facts the flush delay costs nobody anything, while synchronous updates would double the import's run time. So I would pick the deferred variant, replicate the buffer to two nodes, and alert when it holds more than ten thousand items. Should the business ever ask for instant price changes, switch the price column alone to synchronous updates and leave descriptions and pictures as they are.",
    ),
    (
        "reworked",
        "searched and written again",
        TCP_Q,
        TCP,
        [SEARCHED, FETCHED],
        "According to RFC 9293 and RFC 768 the two protocols differ in what they promise. One of them keeps a connection and hides loss from the program, the other hands packets to IP and forgets them.",
    ),
    (
        "reworked",
        "other code after reading",
        CODE_Q,
        CODE,
        [
            ("Read", {"file_path": "spans.py"}),
            _write(
                "spans.py",
                "class SpanSet:\n    def __init__(self):\n        self._tree = IntervalTree()\n\n    def add(self, lo, hi):\n        touching = self._tree.overlap(lo, hi)\n        self._tree.remove_all(touching)\n        self._tree.insert(min([lo, *(s.lo for s in touching)]), max([hi, *(s.hi for s in touching)]))\n",
            ),
        ],
        "The project has an interval tree, so I built on that instead.",
    ),
    (
        "reworked",
        "agent did it again",
        CACHE_Q,
        CACHE,
        [("Agent", {"prompt": "look at how the catalogue is cached today"})],
        "Your catalogue already goes through Varnish, so the question is moot: keep what you have and purge by surrogate key.",
    ),
    # ── ignored ──
    (
        "ignored",
        "own answer",
        TCP_Q,
        TCP,
        [],
        "Think of a phone call versus a postcard. With the first you know the other side is listening and hears everything in sequence; with the second you drop it in the box and hope. Programs that must not miss anything take the phone call, programs in a hurry take the postcard.",
    ),
    (
        "ignored",
        "own answer",
        MUTEX_Q,
        MUTEX,
        [],
        "It's basically the key to a bathroom: whoever holds the key is inside, everyone else queues outside. In Rust you'd write `let guard = m.lock().unwrap();` and the borrow checker makes sure nobody peeks without the key. Whenever state is shared between workers and somebody mutates it, get yourself one.",
    ),
    (
        "ignored",
        "own answer",
        CACHE_Q,
        CACHE,
        [],
        "It depends on how much inconsistency your shop can tolerate and what the hardware budget is. Could you tell me the write rate at peak, whether several regions are involved, and which store sits behind it?",
    ),
    (
        "ignored",
        "own answer",
        CODE_Q,
        CODE,
        [],
        "```python\ndef merge(spans):\n    stack = []\n    for s in sorted(spans, key=lambda s: s[0]):\n        if not stack or stack[-1][1] < s[0]:\n            stack.append(list(s))\n        else:\n            stack[-1][1] = max(stack[-1][1], s[1])\n    return stack\n```\nA stack keeps the last span; ties extend it.",
    ),
    (
        "ignored",
        "own answer",
        BACKUP_Q,
        BACKUP,
        [],
        "Heads-up: database maintenance Saturday 02:00-04:00 UTC. Expect an outage for logins and reports. We'll post here when it's over. Questions? Ask in the infra channel.",
    ),
    ("ignored", "own answer", CAPITAL_Q, "Sydney", [], "The capital of Australia is Canberra."),
    (
        "ignored",
        "own answer",
        DE_Q,
        DE,
        [],
        "Sehr geehrter Herr Kaya, leider müssen wir Ihnen heute mitteilen, dass wir Ihnen die Position nicht anbieten können. Die Entscheidung fiel uns schwer. Viel Erfolg auf Ihrem weiteren Weg!",
    ),
    (
        "ignored",
        "own answer",
        JA_Q,
        JA,
        [],
        "簡単に言うと、トイレの鍵のようなものです。一人が使っている間は、ほかの人は外で順番を待ちます。",
    ),
    (
        "ignored",
        "unrelated",
        TCP_Q,
        TCP,
        [],
        "All 214 tests pass. I also removed the unused import in server.py.",
    ),
    (
        "ignored",
        "unrelated",
        REGEX_Q,
        REGEX,
        [],
        "I could not find a form with a zip code field in this project. Which file do you mean?",
    ),
    (
        "ignored",
        "unrelated",
        COMMIT_Q,
        COMMIT,
        [],
        "The branch is two commits ahead of main. Do you want me to open a pull request?",
    ),
    ("ignored", "nothing said", MUTEX_Q, MUTEX, [], ""),
    (
        "ignored",
        "repeats the question only",
        CACHE_Q,
        CACHE,
        [],
        f"You asked: {CACHE_Q}. Before I answer, which database is it?",
    ),
]

# ── written after the thresholds were set, and not looked at while setting them ──

INDEX_Q = "Why does adding an index make inserts slower in PostgreSQL?"
INDEX = """Every index is a second structure that has to stay consistent with the table. On insert PostgreSQL writes the row to the heap and then one entry into each index, so the work grows with the number of indexes.

Three costs add up. The entry must be placed in key order, which means walking the B-tree and sometimes splitting a page. Each changed page is written to the write-ahead log, and after a checkpoint the first change logs the full page. Random keys such as UUIDv4 touch pages all over the index, so the cache holds fewer of the pages that are needed next.

To keep inserts fast: drop indexes nobody reads, prefer keys that grow (a sequence or UUIDv7), load in bulk before building the index, and consider BRIN for append-only tables."""

NAMES_Q = "Give me five names for a command line tool that tails logs from many servers"
NAMES = """1. **manytail** - says exactly what it does
2. **logfan** - logs fanning in from everywhere
3. **drift** - short, suggests a stream
4. **tributary** - many streams, one river
5. **hydrant** - open it and the logs pour out"""

SQL_Q = "Write an SQL query for the three best-selling products per category"
SQL = """```sql
SELECT category, product, sold
FROM (
    SELECT category, product, SUM(quantity) AS sold,
           ROW_NUMBER() OVER (PARTITION BY category ORDER BY SUM(quantity) DESC) AS place
    FROM order_lines
    GROUP BY category, product
) ranked
WHERE place <= 3
ORDER BY category, place;
```"""

FR_Q = "Explique en quelques phrases ce qu'est un conteneur Docker"
FR = """Un conteneur Docker est un processus isolé qui s'exécute avec son propre système de fichiers, son réseau et ses limites de ressources, tout en partageant le noyau de la machine hôte. Il démarre à partir d'une image, c'est-à-dire une pile de couches en lecture seule qui contient l'application et ses dépendances. Contrairement à une machine virtuelle, il n'embarque pas de système d'exploitation complet, ce qui le rend léger et rapide à lancer."""

ZH_Q = "用三句话解释什么是数据库事务"
ZH = "数据库事务是一组要么全部成功、要么全部失败的操作。它保证原子性、一致性、隔离性和持久性，即使系统在中途崩溃，数据也不会停留在半完成的状态。多个事务并发执行时，隔离级别决定了它们能看到彼此的哪些修改。"

REGRESSION_Q = "What is a regression test?"
REGRESSION = "A regression test checks that something that worked before still works after a change. It is usually written together with the fix of a bug: it fails without the fix, passes with it, and stays in the suite so that the bug cannot come back unnoticed."

HELD_OUT = [
    ("used", "verbatim", INDEX_Q, INDEX, [], INDEX),
    ("used", "verbatim", ZH_Q, ZH, [], ZH),
    (
        "used",
        "introduced",
        FR_Q,
        FR,
        [],
        "Voici la réponse du modèle local :\n\n" + FR + "\n\nSouhaitez-vous un exemple de Dockerfile ?",
    ),
    ("used", "introduced", NAMES_Q, NAMES, [], "A few ideas:\n\n" + NAMES + "\n\nMy favourite is tributary."),
    (
        "used",
        "lightly edited",
        INDEX_Q,
        INDEX,
        [],
        INDEX.replace("Three costs add up.", "There are three costs.")
        .replace("nobody reads", "that are unused")
        .replace("walking the B-tree", "descending the B-tree")
        .replace("To keep inserts fast:", "What to do about it:"),
    ),
    (
        "used",
        "lightly edited",
        REGRESSION_Q,
        REGRESSION,
        [],
        "A regression test makes sure that something which worked before still works after a change. It's usually written together with the fix of a bug: it fails without the fix, passes with it, and stays in the suite so the bug can't come back unnoticed.",
    ),
    (
        "used",
        "first part only",
        INDEX_Q,
        INDEX,
        [],
        INDEX.partition("\n\n")[0] + "\n\n" + INDEX.split("\n\n")[1],
    ),
    (
        "used",
        "two of five",
        NAMES_Q,
        NAMES,
        [],
        "I would take one of these:\n4. **tributary** - many streams, one river\n5. **hydrant** - open it and the logs pour out",
    ),
    (
        "used",
        "run as it is",
        SQL_Q,
        SQL,
        [("Bash", {"command": 'psql -c "' + SQL.strip("`").removeprefix("sql\n") + '"'})],
        "The query ran; the top three per category are in the table above.",
    ),
    (
        "used",
        "adapted names",
        SQL_Q,
        SQL,
        [
            (
                "Edit",
                {
                    "file_path": "report.sql",
                    "old_string": "",
                    "new_string": SQL.strip("`")
                    .removeprefix("sql\n")
                    .replace("order_lines", "sales")
                    .replace("sold", "units"),
                },
            )
        ],
        "Added the query to report.sql, against the sales table.",
    ),
    (
        "used",
        "filed as an issue",
        INDEX_Q,
        INDEX,
        [("mcp__tracker__create_issue", {"title": "Slow inserts", "body": INDEX})],
        "Opened issue 12 with the explanation.",
    ),
    (
        "reworked",
        "summarised",
        INDEX_Q,
        INDEX,
        [],
        "Because each index is one more structure PostgreSQL must update on insert: it finds the place in the B-tree, may split a page, and logs every changed page. Random keys make it worse since the pages are not in cache. Drop unused indexes, use growing keys such as UUIDv7, build the index after a bulk load, or use BRIN on append-only tables.",
    ),
    (
        "reworked",
        "summarised",
        FR_Q,
        FR,
        [],
        "En bref : c'est un processus isolé, avec son système de fichiers, son réseau et ses limites, lancé à partir d'une image en couches. Il partage le noyau de l'hôte et reste donc plus léger qu'une machine virtuelle complète.",
    ),
    (
        "reworked",
        "measured instead",
        INDEX_Q,
        INDEX,
        [("Bash", {"command": "pgbench -c 4 -T 30"}), ("Read", {"file_path": "schema.sql"})],
        "I measured it here: with six indexes 3,100 rows a second, with one 11,800. Your table is append-only, so I suggest partitioning by day.",
    ),
    (
        "reworked",
        "translated",
        FR_Q,
        FR,
        [SEARCHED],
        "A container is an isolated process with a file system of its own; it shares the kernel with the host and starts from a layered image.",
    ),
    (
        "ignored",
        "the same style, own answer",
        INDEX_Q,
        INDEX,
        [],
        "Indexes aren't free. Whenever you add a row, the database has to maintain each of them: locate the right leaf, insert a tuple pointer, rebalance if it's full, and emit WAL. More I/O per statement means lower throughput. Typical remedies are batching statements inside one transaction, raising max_wal_size, and removing redundant or overlapping definitions.",
    ),
    (
        "ignored",
        "the same style, own answer",
        REGRESSION_Q,
        REGRESSION,
        [],
        "It's a check that guards existing behaviour. You run the full battery whenever code is modified, and a red result tells you that the modification broke a feature customers already rely on.",
    ),
    (
        "ignored",
        "own names",
        NAMES_Q,
        NAMES,
        [],
        "Some candidates: `polytail`, `logmux`, `fleetlog`, `tailwind-cli`, `omnitail`.",
    ),
    (
        "ignored",
        "own query",
        SQL_Q,
        SQL,
        [],
        "```sql\nselect c.name, p.name from categories c cross join lateral (select name from products where category_id = c.id order by units desc limit 3) p;\n```",
    ),
    (
        "ignored",
        "own answer",
        ZH_Q,
        ZH,
        [],
        "可以把它想象成银行转账：钱从一个账户扣除，同时加到另一个账户。如果其中一步出错，整个过程就会撤销，就像什么都没发生过一样。",
    ),
    (
        "ignored",
        "asks back",
        NAMES_Q,
        NAMES,
        [],
        "Should the name be pronounceable in German as well, and is it for internal use?",
    ),
]
