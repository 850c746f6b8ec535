"""OSC address patterns: `* ? [a-z] [!x] {a,b}`, never across `/`.

The matcher carries the set of positions reached in the name from one token to the next, as the bits of an integer. It
tries nothing twice, so that a hostile pattern costs its length and no more. Any thread may call these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rtrave.errors import ControlError

MAX_CHARACTERS = 255
MAX_SEGMENTS = 8
MAX_BRACKETS = 32
SPECIAL = frozenset("*?[]{}")

Token = Callable[[str, int], int]
Tree = dict[str, "Tree | str"]


def is_pattern(address: str) -> bool:
    """Return whether an address contains a special character of patterns."""
    return not SPECIAL.isdisjoint(address)


def make_tree(addresses: Iterable[str]) -> Tree:
    """Arrange addresses by segment; a leaf is the whole address.

    No address may be the folder of another (`/a/b` beside `/a/b/c`).
    """
    tree: Tree = {}
    for address in addresses:
        *folders, name = address.split("/")[1:]
        here = tree
        for folder in folders:
            below = here.setdefault(folder, {})
            assert isinstance(below, dict), address
            here = below
        assert name not in here, address
        here[name] = address
    return tree


def match_tree(pattern: str, tree: Tree) -> list[str]:
    """Return the addresses of a tree that a pattern matches, in the tree's order.

    Raises
    ------
    ControlError
        `bad-name` for a pattern that is malformed, longer than 255 characters, deeper than 8 segments, or
        with more than 32 brackets (real patterns have one or two; the limit bounds the worst case).
    """
    if len(pattern) > MAX_CHARACTERS:
        raise _bad(pattern, f"expected at most {MAX_CHARACTERS} characters, got {len(pattern)}")
    if pattern.count("{") + pattern.count("[") > MAX_BRACKETS:
        raise _bad(pattern, f"expected at most {MAX_BRACKETS} brackets, got more")
    segments = pattern.split("/")
    if segments[0] or not 1 <= len(segments) - 1 <= MAX_SEGMENTS:
        raise _bad(pattern, f"expected a leading / and at most {MAX_SEGMENTS} segments")
    tests = [_segment(s) for s in segments[1:]]
    folders: list[Tree] = [tree]
    for test in tests[:-1]:
        folders = [below for here in folders for below in _pick(here, test) if isinstance(below, dict)]
    return [leaf for here in folders for leaf in _pick(here, tests[-1]) if isinstance(leaf, str)]


def _pick(tree: Tree, test: str | Callable[[str], bool]) -> list[Tree | str]:
    if isinstance(test, str):
        return [tree[test]] if test in tree else []
    return [below for name, below in tree.items() if test(name)]


def _segment(pattern: str) -> str | Callable[[str], bool]:
    """Compile one segment: to itself where it is plain, else to a test of names that caches its answers."""
    if not is_pattern(pattern):
        return pattern
    tokens = _tokens(pattern)
    known: dict[str, bool] = {}

    def test(name: str) -> bool:
        answer = known.get(name)
        if answer is None:
            answer = known[name] = _matches(tokens, name)
        return answer

    return test


def _bad(pattern: str, expected: str) -> ControlError:
    return ControlError("bad-name", f"pattern {pattern[:40]!r}: {expected}")


def _matches(tokens: list[Token], name: str) -> bool:
    reached = 1
    for token in tokens:
        reached = token(name, reached)
        if not reached:
            return False
    return bool(reached >> len(name) & 1)


def _tokens(pattern: str) -> list[Token]:
    tokens: list[Token] = []
    here = 0
    starred = False
    while here < len(pattern):
        character = pattern[here]
        if character in "]}":
            raise _bad(pattern, f"expected an opening bracket before {character}")
        if character == "*":
            if not starred:
                tokens.append(_star)
        elif character == "?":
            tokens.append(_any)
        elif character in "[{":
            end = pattern.find("]" if character == "[" else "}", here + 1)
            if end < 0:
                raise _bad(pattern, f"expected a closing bracket after {character}")
            inside = pattern[here + 1 : end]
            tokens.append(_one_of(inside) if character == "[" else _alternatives(inside))
            here = end
        else:
            tokens.append(_alternatives(character))
        starred = character == "*"
        here += 1
    return tokens


def _star(name: str, reached: int) -> int:
    first = reached & -reached
    return (2 << len(name)) - first


def _any(name: str, reached: int) -> int:
    return (reached << 1) & ((2 << len(name)) - 1)


def _one_of(inside: str) -> Token:
    negated = inside.startswith("!")
    allowed: set[str] = set()
    ranges: list[tuple[str, str]] = []
    letters = inside[negated:]
    while letters:
        if len(letters) >= 3 and letters[1] == "-":
            ranges.append((letters[0], letters[2]))
            letters = letters[3:]
        else:
            allowed.add(letters[0])
            letters = letters[1:]

    def token(name: str, reached: int) -> int:
        onward = 0
        for position, letter in enumerate(name):
            if reached >> position & 1:
                inside_set = letter in allowed or any(low <= letter <= high for low, high in ranges)
                if inside_set != negated:
                    onward |= 2 << position
        return onward

    return token


def _alternatives(inside: str) -> Token:
    """Match one of several words; words of one length share a set, so that many words cost no more than few."""
    by_length: dict[int, set[str]] = {}
    for word in inside.split(","):
        by_length.setdefault(len(word), set()).add(word)
    lengths = sorted(by_length.items())

    def token(name: str, reached: int) -> int:
        onward = 0
        end = len(name)
        while reached:
            position = (reached & -reached).bit_length() - 1
            reached &= reached - 1
            for length, words in lengths:
                if position + length > end:
                    break
                if name[position : position + length] in words:
                    onward |= 1 << position + length
        return onward

    return token
