"""The shell reader against an independent one: tree-sitter-bash sees no command that ours does not see."""

from __future__ import annotations

import random

import pytest
import tree_sitter_bash
from tree_sitter import Language, Parser
from tree_sitter import Node as TreeNode

from benchmarks import fuzz_hooks
from pgolf.lab.launch.shell import Node, ShellSyntaxError, Word, parse

from .test_commands import cases

PARSER = Parser(Language(tree_sitter_bash.language()))


def our_names(node: Node) -> set[str]:
    """The text of every command's name, those in substitutions included."""
    found: set[str] = set()

    def in_word(word: object) -> None:
        if isinstance(word, Word):
            for part in word.parts:
                if part[0] == "var" and "$(" in str(part[1]):
                    # A subscript is kept as text, and read as an argument when the element is asked for.
                    walk(parse("echo " + str(part[1]).partition("[")[2].removesuffix("]")))
                for piece in part[1:]:
                    in_word(piece) if isinstance(piece, Word) else walk(piece)
        elif isinstance(word, list):
            for element in word:
                in_word(element)

    def walk(item: object) -> None:
        if isinstance(item, (tuple, list)):
            for element in item:
                in_word(element) if isinstance(element, Word) else walk(element)
        if not isinstance(item, Node):
            return
        words = item.words or []
        if item.kind == "command" and words:
            found.add(words[0].text)
        for word in words:
            in_word(word)
        for redirect in item.redirects:
            in_word(redirect.target)
        for _, _, value in item.assigns:
            in_word(value)
        walk(item.items)
        walk(item.body)
        walk(item.cond)

    walk(node)
    return found


def their_names(text: str) -> set[str] | None:
    """tree-sitter's command names; None where it meets an error of its own."""
    root = PARSER.parse(text.encode()).root_node
    if root.has_error:
        return None
    found: set[str] = set()

    def walk(node: TreeNode) -> None:
        if node.type == "command_name" and node.text is not None:
            found.add(node.text.decode())
        for child in node.children:
            walk(child)

    walk(root)
    return found


def agree(text: str) -> bool:
    theirs = their_names(text)
    if theirs is None:
        return False
    try:
        ours = our_names(parse(text))
    except ShellSyntaxError:
        pytest.fail(f"tree-sitter reads it, we do not: {text!r}")
    # Reserved words that tree-sitter takes for programs.
    missing = {name for name in theirs - ours if name not in ("coproc", "time", "!", "{", "}")}
    assert not missing, text
    return True


def test_no_command_of_the_corpus_is_overlooked() -> None:
    innocent_of_quirks = [
        command for _, _, command in cases() if "\\\n" not in command and "`" not in command
    ]
    assert sum(agree(command) for command in innocent_of_quirks) > 300


def test_no_command_of_the_fuzz_is_overlooked() -> None:
    rng = random.Random(11)
    texts = [fuzz_hooks.with_launch(rng)[0] for _ in range(400)] + [
        fuzz_hooks.without_launch(rng) for _ in range(400)
    ]
    assert sum(agree(text) for text in texts if "\\\n" not in text and "`" not in text) > 400


@pytest.mark.parametrize(
    "text",
    ["if true; then", "for x in a; do ls", "case a in", "{ ls", "( ls", "ls )", "'abc", '"abc', "`abc", "$(ls", "${x", "ls &&", "| ls",
     "; ls", "done", "fi", "}", "f() ", "a=(1 2", "[[ a", "ls >", "ls | | ls", "$'abc", "x=$((1+", "&& ls", ";; "],
)  # fmt: skip
def test_what_bash_rejects_is_a_syntax_error(text: str) -> None:
    with pytest.raises(ShellSyntaxError):
        parse(text)
