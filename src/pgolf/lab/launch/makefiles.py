"""Makefiles and justfiles: the recipes that the named targets would run, read as shell."""

from __future__ import annotations

from pgolf.lab.launch import files as script_files
from pgolf.lab.launch.bounds import TooMuch
from pgolf.lab.launch.expansion import BENIGN, OPAQUE
from pgolf.lab.launch.interpreter import Interpreter, State, Stream, may_launch

_TAKES = frozenset({"-j", "-l", "-o", "-W", "-I", "--jobs", "--old-file", "--what-if", "--include-dir", "-O"})
MAX_LINES = 20_000


class Makefile:
    """Variables, rules and the order of targets."""

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}
        self.recipes: dict[str, list[str]] = {}
        self.needs: dict[str, list[str]] = {}
        self.order: list[str] = []
        self.shells: list[str] = []


def run_make(shell: Interpreter, argv: list[str], state: State, stdin: Stream | None) -> str:
    """`make [-C folder] [-f file] [NAME=value] [targets]`."""
    names: list[str] = []
    targets: list[str] = []
    overrides: dict[str, str] = {}
    dry = False
    own = state.process()
    at = 1
    while at < len(argv):
        word = argv[at]
        following = argv[at + 1] if at + 1 < len(argv) else ""
        if word in ("-C", "--directory"):
            own.cwd = shell.path(following, own)
            at += 1
        elif word.startswith(("-C", "--directory=")):
            own.cwd = shell.path(word.partition("=")[2] if "=" in word else word[2:], own)
        elif word in ("-f", "--file", "--makefile"):
            names.append(following)
            at += 1
        elif word.startswith(("--file=", "--makefile=")):
            names.append(word.partition("=")[2])
        elif word.startswith("-f"):
            names.append(word[2:])
        elif word in (
            "-n",
            "--dry-run",
            "--just-print",
            "--recon",
            "-q",
            "--question",
            "-v",
            "--version",
            "-h",
            "--help",
            "-p",
        ):
            dry = True
        elif word == "--eval" or word.startswith("--eval="):
            text = word.partition("=")[2] or following
            shell.files["/dev/fd/make-eval"] = text.replace("\\n", "\n") + "\n"
            names.append("/dev/fd/make-eval")
            at += 0 if "=" in word else 1
        elif word in _TAKES and following.isdigit():
            at += 1
        elif word.startswith("-"):
            pass
        elif "=" in word:
            name, _, value = word.partition("=")
            overrides[name.rstrip(":?+")] = value
        else:
            targets.append(word)
        at += 1
    if dry:
        return BENIGN
    if not names:
        for candidate in ("GNUmakefile", "makefile", "Makefile"):
            path = shell.path(candidate, own)
            if path in shell.files or script_files.read(path).why != "missing":
                names = [candidate]
                break
    book = Makefile()
    book.variables.update(own.environ())
    for name in names:
        text = stdin.text if name == "-" and stdin is not None else shell.content(name, own)
        if OPAQUE in text:
            if name == "-" or may_launch(" ".join(argv)) or shell.path(name, own) in shell.files:
                shell.problem(" ".join(argv), f"{name} cannot be read", "run the launch itself", state)
            continue
        _load(shell, text, book, own, 0)
    book.variables.update(overrides)
    book.variables.setdefault("MAKE", "make")
    book.variables.setdefault("SHELL", "/bin/sh")
    for name, value in overrides.items():
        own.vars[name] = value
        own.exported.add(name)
        if name.startswith("PGOLF_"):
            own.gate[name] = value
    for text in book.shells:
        shell.code(expand(text, book, {}), own.copy(), None)
    if not targets:
        first = next((name for name in book.order if not name.startswith(".") and "%" not in name), None)
        targets = [book.variables.get(".DEFAULT_GOAL", "") or first or ""]
    done: set[str] = set()
    for target in targets:
        _build(shell, target, book, own, done, 0)
    return OPAQUE


def _load(shell: Interpreter, text: str, book: Makefile, state: State, depth: int) -> None:
    current: list[str] = []
    lines = text.replace("\\\n", " ").split("\n") if "\t" not in text else _joined(text)
    if len(lines) > MAX_LINES:
        raise TooMuch(f"a Makefile of more than {MAX_LINES} lines")
    define = ""
    for line in lines:
        shell.tick()
        if define:
            if line.strip() == "endef":
                define = ""
            else:
                book.variables[define] = (book.variables.get(define, "") + "\n" + line).lstrip("\n")
            continue
        if line.startswith("\t"):
            for name in current:
                book.recipes.setdefault(name, []).append(line[1:])
            continue
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        words = stripped.split()
        if words[0] in ("include", "-include", "sinclude") and depth < 4:
            for name in words[1:]:
                found = shell.content(expand(name, book, {}), state)
                if OPAQUE not in found:
                    _load(shell, found, book, state, depth + 1)
            continue
        if words[0] == "define" and len(words) > 1:
            define = words[1]
            book.variables[define] = ""
            continue
        if words[0] in ("ifeq", "ifneq", "ifdef", "ifndef", "else", "endif", "unexport", "vpath"):
            continue
        exports = words[0] == "export"
        if exports or words[0] == "override":
            stripped = stripped[len(words[0]) :].strip()
        if _assignment(stripped, book, state, exports):
            continue
        head, colon, tail = stripped.partition(":")
        if colon:
            tail = tail.lstrip(":")
            inline = ""
            if ";" in tail:
                tail, _, inline = tail.partition(";")
            current = expand(head, book, {}).split()
            if _assignment(tail.strip(), book, state, False, keep=True):
                _assignment(tail.strip(), book, state, False)
                continue
            needs = expand(tail, book, {}).replace("|", " ").split()
            for name in current:
                if name not in book.order:
                    book.order.append(name)
                book.needs.setdefault(name, []).extend(needs)
                if inline:
                    book.recipes.setdefault(name, []).append(inline.strip())
        elif "$(shell" in stripped or "$(eval" in stripped or "${shell" in stripped:
            book.shells.append(stripped)


def _joined(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.split("\n"):
        if lines and lines[-1].endswith("\\"):
            lines[-1] = lines[-1][:-1] + " " + line.strip()
        else:
            lines.append(line)
    return lines


def _assignment(line: str, book: Makefile, state: State, exports: bool, *, keep: bool = False) -> bool:
    """`NAME = value` and its kin; with `keep` only say whether it is one."""
    at = line.find("=")
    if at <= 0:
        return False
    name = line[:at].rstrip()
    operator = "="
    while name and name[-1] in ":?+!":
        operator = name[-1] + operator
        name = name[:-1]
    name = name.strip()
    if not name or any(char in name for char in " \t$(){}:#\"'"):
        return False
    if keep:
        return True
    value = line[at + 1 :].strip()
    comment = value.find(" #")
    value = value[:comment].rstrip() if comment >= 0 else value
    if "$(shell" in value or "${shell" in value:
        book.shells.append(value)
    if operator == "?=" and name in book.variables:
        pass
    elif operator == "+=":
        book.variables[name] = (book.variables.get(name, "") + " " + value).strip()
    elif operator == "!=":
        book.shells.append(f"$(shell {value})")
        book.variables[name] = BENIGN
    else:
        book.variables[name] = value if operator == "=" else expand(value, book, {})
    if exports:
        state.vars[name] = expand(book.variables.get(name, ""), book, {})
        state.exported.add(name)
    return True


def _build(shell: Interpreter, target: str, book: Makefile, state: State, done: set[str], depth: int) -> None:
    if target in done or depth > 50:
        return
    done.add(target)
    shell.tick()
    automatic = {"@": target, "*": "", "<": "", "^": "", "+": "", "?": ""}
    recipes = book.recipes.get(target)
    needs = list(book.needs.get(target, []))
    if recipes is None:
        for pattern, lines in book.recipes.items():
            head, percent, tail = pattern.partition("%")
            if (
                percent
                and target.startswith(head)
                and target.endswith(tail)
                and len(target) >= len(head) + len(tail)
            ):
                stem = target[len(head) : len(target) - len(tail)]
                automatic["*"] = stem
                recipes = lines
                needs += [need.replace("%", stem) for need in book.needs.get(pattern, [])]
                break
    for need in needs:
        _build(shell, need, book, state, done, depth + 1)
    automatic["<"] = needs[0] if needs else ""
    automatic["^"] = automatic["+"] = " ".join(needs)
    for line in recipes or []:
        for piece in expand(line, book, automatic).split("\n"):
            command = piece.lstrip(" \t@-+")
            if command:
                shell.code(command, state.copy(), None, what=f"make {target}: {command}")


def expand(text: str, book: Makefile, automatic: dict[str, str], depth: int = 0) -> str:
    """`$(NAME)`, `${NAME}`, `$@`, `$$`; `$(shell …)` becomes the shell's `$( … )`; other functions are unknown."""
    if depth > 20 or len(text) > 100_000:
        raise TooMuch("Makefile variables that contain each other too deeply")
    out: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char != "$" or at + 1 >= len(text):
            out.append(char)
            at += 1
            continue
        following = text[at + 1]
        if following == "$":
            out.append("$")
            at += 2
            continue
        if following in "({":
            close = _closing(text, at + 1)
            body = text[at + 2 : close]
            at = close + 1
            out.append(_reference(body, book, automatic, depth))
            continue
        out.append(automatic.get(following, book.variables.get(following, "")))
        at += 2
    return "".join(out)


def _reference(body: str, book: Makefile, automatic: dict[str, str], depth: int) -> str:
    name, blank, rest = body.partition(" ")
    if name == "shell":
        return "$(" + expand(rest, book, automatic, depth + 1) + ")"
    if blank and name in ("info", "warning", "error"):
        return ""
    if blank and name in ("or", "and", "if"):
        pieces = [expand(piece.strip(), book, automatic, depth + 1) for piece in rest.split(",")]
        if name == "if":
            return (
                (pieces[1] if pieces[0] else (pieces[2] if len(pieces) > 2 else ""))
                if len(pieces) > 1
                else ""
            )
        return (
            next((piece for piece in pieces if piece), "")
            if name == "or"
            else (pieces[-1] if all(pieces) else "")
        )
    if blank and name == "strip":
        return " ".join(expand(rest, book, automatic, depth + 1).split())
    if blank and name == "call":
        parts = [part.strip() for part in rest.split(",")]
        arguments = {str(i): expand(part, book, automatic, depth + 1) for i, part in enumerate(parts)}
        return expand(book.variables.get(parts[0], ""), book, {**automatic, **arguments}, depth + 1)
    if blank and name == "foreach":
        parts = rest.split(",", 2)
        if len(parts) == 3:
            words = expand(parts[1], book, automatic, depth + 1).split()[:64]
            results = []
            for word in words:
                inner = Makefile()
                inner.variables = {**book.variables, parts[0].strip(): word}
                results.append(expand(parts[2], inner, automatic, depth + 1))
            return " ".join(results)
    if blank and name in ("wildcard", "patsubst", "subst", "filter", "filter-out", "sort", "word", "notdir", "dir", "basename",
                          "addprefix", "addsuffix", "abspath", "realpath", "firstword", "lastword", "eval", "value", "origin",
                          "words", "findstring", "join", "suffix"):  # fmt: skip
        inside = expand(rest, book, automatic, depth + 1)
        return OPAQUE if may_launch(inside) or "torch" in inside else BENIGN
    plain, colon, _ = body.partition(":")
    if colon:
        return BENIGN
    if plain in automatic:
        return automatic[plain]
    value = book.variables.get(expand(plain, book, automatic, depth + 1) if "$" in plain else plain, "")
    return expand(value, book, automatic, depth + 1)


def _closing(text: str, at: int) -> int:
    opening = text[at]
    closing = ")" if opening == "(" else "}"
    depth = 0
    while at < len(text):
        if text[at] == opening:
            depth += 1
        elif text[at] == closing:
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return len(text)


def run_just(shell: Interpreter, argv: list[str], state: State) -> str:
    """`just [NAME=value] recipe arguments`: a justfile's recipes with `{{ name }}` filled in."""
    text = ""
    for name in ("justfile", "Justfile", ".justfile"):
        found = shell.content(name, state)
        if OPAQUE not in found:
            text = found
            break
    words = [word for word in argv[1:] if not word.startswith("-")]
    values: dict[str, str] = {}
    recipes: dict[str, tuple[list[str], list[str]]] = {}
    parameters: dict[str, list[str]] = {}
    current = ""
    for line in text.split("\n")[:MAX_LINES]:
        if line[:1] in (" ", "\t") and current:
            recipes[current][1].append(line.strip().lstrip("@-"))
            continue
        if ":=" in line:
            name, _, value = line.replace("export ", "").partition(":=")
            values[name.strip()] = value.strip().strip("\"'")
            current = ""
        elif ":" in line and not line.startswith(("#", "[", "set ")):
            head, _, needs = line.partition(":")
            names = head.lstrip("@").split()
            if names:
                current = names[0]
                recipes[current] = (needs.split("#")[0].split(), [])
                parameters[current] = names[1:]
    for word in list(words):
        name, equals, value = word.partition("=")
        if equals:
            values[name] = value
            words.remove(word)
    target = words[0] if words else next(iter(recipes), "")
    done: set[str] = set()

    def build(name: str, arguments: list[str]) -> None:
        if name in done or name not in recipes:
            return
        done.add(name)
        needs, lines = recipes[name]
        for need in needs:
            build(need.strip("()&"), [])
        local = dict(values)
        for index, parameter in enumerate(parameters[name]):
            key, _, default = parameter.lstrip("+*$").partition("=")
            local[key] = arguments[index] if index < len(arguments) else default.strip("\"'")
        for line in lines:
            code = line
            for key, value in local.items():
                code = code.replace("{{" + key + "}}", value).replace("{{ " + key + " }}", value)
            if "{{" in code:
                code = code[: code.index("{{")] + (OPAQUE if may_launch(code) else BENIGN)
            shell.code(code, state.process(), None, what=f"just {name}: {code}")

    if target in recipes:
        build(target, words[1:])
    elif may_launch(" ".join(argv)):
        shell.problem(" ".join(argv), "the justfile has no such recipe", "run the launch itself", state)
    return OPAQUE


__all__ = ["expand", "run_just", "run_make"]
