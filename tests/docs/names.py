"""Checks that what the documents name exists; code_blocks.py runs it for each document.

  links       to other documents, and to headings in them
  files       of the repository, in backticks: `src/exchange/machine.h`, `tests/call/`
  tests       in docs/guarantees.md, in backticks: `FinalStatus.OfAStreamThatFails...` as the sources have
              it, and each guarantee must name one
"""

import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FENCED = re.compile(r"^```.*?^```$", re.M | re.S)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]*))?\)")
FILE = re.compile(r"`((?:bench|cmake|docs|examples|include|proto|src|tests|\.ci)/[\w./-]*)`")
TEST = re.compile(r"`([A-Z]\w+\.[A-Z]\w+)`")
TEST_DEFINITION = re.compile(r"^(?:TYPED_)?TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.M)


@functools.cache
def tests():
    sources = (ROOT / "tests").rglob("*.cc")
    return {f"{suite}.{name}" for source in sources
            for suite, name in TEST_DEFINITION.findall(source.read_text())}


@functools.cache
def anchors(path):
    """Of the headings, as GitHub makes them."""
    text = FENCED.sub("", path.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", text, re.M)}


def check(path):
    """Yields (line, what was wrong or None) for each name in a document."""
    text = FENCED.sub(lambda match: "\n" * match[0].count("\n"), path.read_text())

    def found(pattern, problem):
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, problem(match)

    def link(match):
        target = (path.parent / match[1]).resolve() if match[1] else path
        if not target.exists():
            return f"{match[1]} does not exist"
        if match[2] and match[2] not in anchors(target):
            return f"{match[1]} has no heading #{match[2]}"
        return None

    yield from found(LINK, link)
    yield from found(FILE, lambda match: None if "..." in match[1] or (ROOT / match[1]).exists()
                     else f"{match[1]} does not exist")
    if path.name != "guarantees.md":
        return
    yield from found(TEST, lambda match: None if match[1] in tests() else
                     f"no source in tests/ has the test {match[1]}")
    for section in re.split(r"^(?=## \d+\.)", text, flags=re.M)[1:]:
        heading = section.splitlines()[0]
        yield text[:text.index(heading)].count("\n") + 1, (
            None if TEST.search(section) else f"names no test: {heading}")
