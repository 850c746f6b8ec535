"""Patterns match as the OSC specification says; a regular expression is the independent judge."""

import random
import re

import pytest

from rtrave.control.namespace import Controls
from rtrave.control.pattern import make_tree, match_tree
from rtrave.control.vector import make_layout
from rtrave.errors import ControlError


def judge(pattern: str) -> re.Pattern[str]:
    out, k = "", 0
    while k < len(pattern):
        c = pattern[k]
        if c == "*":
            out += "[^/]*"
        elif c == "?":
            out += "[^/]"
        elif c == "[":
            end = pattern.index("]", k)
            inside = pattern[k + 1 : end]
            not_, inside = ("^", inside[1:]) if inside.startswith("!") else ("", inside)
            out += f"[{not_}{inside}]"
            k = end
        elif c == "{":
            end = pattern.index("}", k)
            out += "(?:" + "|".join(map(re.escape, pattern[k + 1 : end].split(","))) + ")"
            k = end
        else:
            out += re.escape(c)
        k += 1
    return re.compile(out + r"\Z")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/a/*", ["/a/x", "/a/xy", "/a/10"]),
        ("/*/x", ["/a/x", "/b/x"]),
        ("/a/?", ["/a/x"]),
        ("/a/x*", ["/a/x", "/a/xy"]),
        ("/a/[0-9]?", ["/a/10"]),
        ("/a/[!x]*", ["/a/10"]),
        ("/{a,b}/x", ["/a/x", "/b/x"]),
        ("/a/{x,}y", ["/a/xy"]),
        ("/a/{x,xy}", ["/a/x", "/a/xy"]),
        ("/*/c/*", ["/b/c/x"]),
        ("/*", []),
        ("/**/x", ["/a/x", "/b/x"]),
        ("/a/[a-]", []),
        ("/a/*y*", ["/a/xy"]),
        ("/b/*/x", ["/b/c/x"]),
        ("/a/x", ["/a/x"]),
        ("/a", []),
        ("/a/", []),
        ("//x", []),
    ],
)
def test_known_answers(pattern: str, found: list[str]) -> None:
    tree = make_tree(["/a/x", "/a/xy", "/a/10", "/b/x", "/b/c/x"])
    assert match_tree(pattern, tree) == found


def test_random_patterns_against_regular_expressions() -> None:
    rng = random.Random(7)
    words = ["a", "b", "ab", "ba", "aab", "abc", "c", "0", "10"]
    addresses = sorted({"/" + "/".join(rng.choices(words, k=3)) for _ in range(80)})
    tree = make_tree(addresses)
    pieces = ["*", "?", "a", "b", "c", "0", "[ab]", "[!a]", "[a-b0]", "{a,ab}", "{,b}", "{aab,b,c}", "**"]
    matched = 0
    for _ in range(3000):
        pattern = "".join("/" + "".join(rng.choices(pieces, k=rng.randint(1, 4))) for _ in range(3))
        expected = [a for a in addresses if judge(pattern).match(a)]
        assert sorted(match_tree(pattern, tree)) == expected, pattern
        matched += len(expected)
    assert matched > 1000


@pytest.mark.parametrize(
    "pattern", ["/a/[0", "/a/{x", "/a/x]", "/a/x}", "/a/" + "*" * 254, "/*" * 9, "*/a", "/a/" + "[a]" * 33]
)
def test_malformed_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(ControlError) as caught:
        match_tree(pattern, make_tree(["/a/x"]))
    assert caught.value.code == "bad-name"


def test_a_pattern_sets_what_it_matches_and_no_more() -> None:
    controls = Controls(make_layout(12))
    controls.set("/rtrave/latent/{1,10}/sc*", (3,))
    assert controls.get("/rtrave/latents/scale") == tuple(3.0 if n in (1, 10) else 1.0 for n in range(12))
    controls.set("/rtrave/norm/latent/[0-3]/override", (1,))
    assert controls.get("/rtrave/latents/override") == (1.0,) * 4 + (0.0,) * 8


def test_a_pattern_never_fires_a_trigger() -> None:
    controls = Controls(make_layout(2))
    controls.set("/rtrave/latents/scale", (2,))
    controls.set("/rtrave/{panic,mix}", (1,))
    controls.set("/rtrave/latents/{reset,bias}", (1,))
    assert controls.get("/rtrave/latents/scale") == (2.0, 2.0)
    assert controls.values[controls.layout.slots["panic"]] == 0.0
