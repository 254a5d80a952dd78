"""Small functions, the tests somebody would name for them, and inputs that show whether a version behaves the same.

Measured with them: how many wrong versions the tests a caller names let through. They are as thorough as tests are
that are written beside a function, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """`inputs` is an expression that gives a list of argument tuples."""

    name: str
    code: str
    tests: tuple[str, ...]
    inputs: str


CASES = (
    Case(
        "slugify",
        """
import re

def slugify(text):
    text = re.sub(r"[^a-z0-9]+", "-", text.lower())
    return text.strip("-")
""",
        ("slugify('Hello, World!') == 'hello-world'", "slugify('  a  b ') == 'a-b'", "slugify('') == ''"),
        "[(t,) for t in ('', 'A', '--x--', 'a__b', 'Ünï', '9 to 5', 'x' * 50, 'a.b,c;d', ' ', 'Zz9')]",
    ),
    Case(
        "chunks",
        """
def chunks(items, size):
    if size < 1:
        raise ValueError("size must be positive")
    return [items[i : i + size] for i in range(0, len(items), size)]
""",
        ("chunks([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]", "chunks([], 3) == []"),
        "[(list(range(n)), s) for n in (0, 1, 2, 5, 6, 7) for s in (-1, 0, 1, 2, 3, 10)]",
    ),
    Case(
        "merge",
        """
def merge(intervals):
    merged = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
""",
        (
            "merge([(1, 3), (2, 6), (8, 10)]) == [(1, 6), (8, 10)]",
            "merge([(1, 4), (4, 5)]) == [(1, 5)]",
            "merge([]) == []",
        ),
        "[(v,) for v in ([], [(0, 0)], [(5, 6), (1, 9)], [(1, 2), (3, 4)], [(1, 9), (2, 3)], [(3, 4), (1, 2), (2, 3)])]",
    ),
    Case(
        "roman",
        """
def roman(number):
    pairs = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
             (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]
    text = ""
    for value, letters in pairs:
        while number >= value:
            text += letters
            number -= value
    return text
""",
        ("roman(4) == 'IV'", "roman(1994) == 'MCMXCIV'", "roman(58) == 'LVIII'"),
        "[(n,) for n in (0, 1, 3, 4, 9, 14, 40, 49, 90, 99, 400, 499, 900, 1000, 2026, 3999)]",
    ),
    Case(
        "search",
        """
def search(items, wanted):
    low, high = 0, len(items) - 1
    while low <= high:
        middle = (low + high) // 2
        if items[middle] == wanted:
            return middle
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle - 1
    return -1
""",
        ("search([1, 3, 5, 7], 5) == 2", "search([1, 3, 5, 7], 4) == -1", "search([], 1) == -1"),
        "[(list(range(0, 2 * n, 2)), w) for n in (0, 1, 2, 3, 8) for w in range(-1, 17)]",
    ),
    Case(
        "flatten",
        """
def flatten(items):
    flat = []
    for item in items:
        if isinstance(item, (list, tuple)):
            flat.extend(flatten(item))
        else:
            flat.append(item)
    return flat
""",
        ("flatten([1, [2, [3]], 4]) == [1, 2, 3, 4]", "flatten([]) == []"),
        "[(v,) for v in ([], [[]], [1, (2, 3)], ['ab', ['c']], [[[[5]]]], [None, [0, False]])]",
    ),
    Case(
        "wrap",
        """
def wrap(text, width):
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    if line:
        lines.append(line)
    return lines
""",
        ("wrap('the quick brown fox', 10) == ['the quick', 'brown fox']", "wrap('', 5) == []"),
        "[(t, w) for t in ('', 'a', 'aa bb cc', 'a bb ccc dddd', 'x' * 9 + ' y') for w in (1, 2, 4, 5, 6, 9, 20)]",
    ),
    Case(
        "parse_size",
        """
def parse_size(text):
    units = {"b": 1, "kb": 1024, "mb": 1024 ** 2, "gb": 1024 ** 3}
    text = text.strip().lower()
    for unit in ("kb", "mb", "gb", "b"):
        if text.endswith(unit):
            return int(float(text[: -len(unit)]) * units[unit])
    return int(text)
""",
        ("parse_size('2kb') == 2048", "parse_size('10') == 10", "parse_size('1.5 MB') == 1572864"),
        "[(t,) for t in ('0', '7b', '1 KB', '3gb', ' 12 ', '0.5kb', 'x', '', '1tb', '2 B')]",
    ),
    Case(
        "anagrams",
        """
def anagrams(words):
    groups = {}
    for word in words:
        groups.setdefault("".join(sorted(word.lower())), []).append(word)
    return [sorted(group) for group in groups.values() if len(group) > 1]
""",
        ("anagrams(['tea', 'eat', 'x']) == [['eat', 'tea']]", "anagrams([]) == []"),
        "[(v,) for v in ([], ['a'], ['ab', 'BA'], ['Listen', 'Silent', 'enlist'], ['a', 'a'], ['no', 'on', 'yes', 'sye'])]",
    ),
    Case(
        "balanced",
        """
def balanced(text):
    pairs, stack = {")": "(", "]": "[", "}": "{"}, []
    for sign in text:
        if sign in "([{":
            stack.append(sign)
        elif sign in pairs:
            if not stack or stack.pop() != pairs[sign]:
                return False
    return not stack
""",
        ("balanced('([]{})')", "not balanced('(]')", "balanced('')"),
        "[(t,) for t in ('', '(', ')', '(a)[b]', '([)]', '{[()]}', '))((', 'abc', '(((', '}{')]",
    ),
    Case(
        "median",
        """
def median(values):
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
""",
        ("median([3, 1, 2]) == 2", "median([4, 1, 2, 3]) == 2.5"),
        "[(v,) for v in ([], [1], [2, 1], [5, 5, 5, 1], [-1, 0, 1], [9, 1, 8, 2, 7, 3])]",
    ),
    Case(
        "retry_delays",
        """
def retry_delays(first, most, count):
    delays = []
    delay = first
    for _ in range(count):
        delays.append(min(delay, most))
        delay *= 2
    return delays
""",
        ("retry_delays(1, 10, 5) == [1, 2, 4, 8, 10]", "retry_delays(1, 10, 0) == []"),
        "[(f, m, c) for f in (0, 1, 3) for m in (1, 5, 100) for c in (0, 1, 4, 8)]",
    ),
    Case(
        "diff_keys",
        """
def diff_keys(old, new):
    added = sorted(set(new) - set(old))
    removed = sorted(set(old) - set(new))
    changed = sorted(k for k in set(old) & set(new) if old[k] != new[k])
    return {"added": added, "removed": removed, "changed": changed}
""",
        (
            "diff_keys({'a': 1}, {'a': 2, 'b': 3}) == {'added': ['b'], 'removed': [], 'changed': ['a']}",
            "diff_keys({}, {}) == {'added': [], 'removed': [], 'changed': []}",
        ),
        "[(o, n) for o in ({}, {'a': 1}, {'a': 1, 'b': 2}) for n in ({}, {'a': 1}, {'b': 3, 'c': 4}, {'a': 2, 'b': 2})]",
    ),
    Case(
        "run_length",
        """
def run_length(text):
    runs = []
    for sign in text:
        if runs and runs[-1][0] == sign:
            runs[-1] = (sign, runs[-1][1] + 1)
        else:
            runs.append((sign, 1))
    return "".join(f"{sign}{count}" if count > 1 else sign for sign, count in runs)
""",
        ("run_length('aaabcc') == 'a3bc2'", "run_length('') == ''"),
        "[(t,) for t in ('', 'a', 'ab', 'aab', 'abb', 'zzzzzzzzzzzz', 'aabbaa', '112')]",
    ),
    Case(
        "date_ok",
        """
def date_ok(year, month, day):
    if not 1 <= month <= 12 or day < 1:
        return False
    lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = 29 if month == 2 and leap else lengths[month - 1]
    return day <= longest
""",
        (
            "date_ok(2024, 2, 29)",
            "not date_ok(2023, 2, 29)",
            "not date_ok(2023, 13, 1)",
            "date_ok(2023, 12, 31)",
        ),
        "[(y, m, d) for y in (1900, 2000, 2023, 2024) for m in (0, 1, 2, 4, 12, 13) for d in (0, 1, 28, 29, 30, 31, 32)]",
    ),
    Case(
        "topological",
        """
def topological(edges):
    nodes = sorted({n for edge in edges for n in edge})
    before = {n: {a for a, b in edges if b == n} for n in nodes}
    order = []
    while before:
        ready = sorted(n for n, needs in before.items() if not needs)
        if not ready:
            raise ValueError("cycle")
        for node in ready:
            order.append(node)
            del before[node]
        for needs in before.values():
            needs.difference_update(ready)
    return order
""",
        ("topological([('a', 'b'), ('b', 'c')]) == ['a', 'b', 'c']", "topological([]) == []"),
        "[(e,) for e in ([], [('b', 'a')], [('a', 'b'), ('b', 'a')], [('a', 'c'), ('b', 'c'), ('c', 'd')], [('x', 'y'), ('a', 'y')])]",
    ),
)
