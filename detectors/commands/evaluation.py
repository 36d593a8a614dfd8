"""Walks shell text as a shell would, without running it, and notes each command with what feeds it."""

from __future__ import annotations

import msgspec

from detectors.commands.calls import LOOPS, TEXT_LENGTH, Calls
from detectors.commands.command import Redirection
from detectors.commands.expansion import Expander
from detectors.commands.lexer import NESTING
from detectors.commands.parser import parse
from detectors.commands.place import Place, command_at
from detectors.commands.scope import Scope, Value
from detectors.commands.syntax import Assignment, Block, Item, Node, Pipeline, Redirect, Simple, Substitution
from detectors.commands.words import Unresolved

TEXTS = 6
"""How deep texts may stand in one another: `sh -c` in `eval` in `sh -c`."""
REDIRECTIONS = 64
"""More of one command are not followed."""
_WORD_COST = 16
_HERE = frozenset({"<<<", "<<", "<<-"})


class Evaluation(Calls):
    """Reads one process: its words, and the texts in them."""

    def text(self, text: str, scope: Scope, place: Place, *, same_shell: bool = False) -> bytes | None:
        if place.texts >= TEXTS or place.depth >= NESTING:
            self.cut(place)
            return None
        items, sound = parse(text[:TEXT_LENGTH], place.depth, self.budget)
        sound = sound and len(text) <= TEXT_LENGTH
        within = msgspec.structs.replace(
            place,
            assignments=(),
            substitutions=(),
            unknown=place.unknown or not sound or type(text) is not str,
            depth=place.depth + 1,
            texts=place.texts + 1,
            loose=False,
        )
        before = len(self.commands)
        printed = self.items(items, scope, within)
        if not same_shell:
            self._uncalled(scope, within)
        if self.exhausted or (not sound and len(self.commands) == before):
            self.cut(place)
        return printed if sound else None

    def _uncalled(self, scope: Scope, place: Place) -> None:
        """Functions that nobody called: a trap, or a name made up at run time, may call them."""
        while scope.uncalled:
            _, body = scope.uncalled.popitem()
            self.node(body, Scope(scope.variables, functions=scope.functions), place)

    def items(self, items: list[Item], scope: Scope, place: Place) -> bytes | None:
        """Read statements in order; what they print together, if that is known."""
        printed: list[bytes | None] = []
        for item in items:
            if self.exhausted:
                return None
            self.steps -= 1
            before = len(self.commands)
            scope.branches += bool(item.connector)
            other = item.connector == "||" and not place.alternative
            there = msgspec.structs.replace(place, alternative=True) if other else place
            printed.append(self.node(item.node, scope, there))
            scope.branches -= bool(item.connector)
            if item.background:
                self.in_background(before)
        return _joined(printed)

    def node(self, node: Node, scope: Scope, place: Place) -> bytes | None:
        if place.depth >= NESTING:
            self.cut(place)
            return None
        if isinstance(node, Simple):
            return self._simple(node, scope, place)
        if isinstance(node, Pipeline):
            return self._pipeline(node, scope, place)
        return self._block(node, scope, place)

    def _pipeline(self, pipeline: Pipeline, scope: Scope, place: Place) -> bytes | None:
        printed: bytes | None = None
        before = len(self.commands)
        for number, stage in enumerate(pipeline.stages):
            if number:
                feeding = self.printing_since(before)
                place = msgspec.structs.replace(place, input=feeding, stdin=printed)
            if self.exhausted:
                return None
            self.steps -= 1
            before = len(self.commands)
            printed = self.node(stage, scope.subshell(), place)
        return printed

    def _block(self, block: Block, scope: Scope, place: Place) -> bytes | None:
        if block.kind == "function":
            scope.functions[block.name] = scope.uncalled[block.name] = block.bodies[0][0].node
            return b""
        expander = self._expander(scope, place)
        place = self._redirected(block.redirects, expander, place)
        place = msgspec.structs.replace(place, depth=place.depth + 1)
        words = [word for written in block.words for word in expander.words(written)]
        if block.kind == "for":
            self._loop(block, words, tuple(expander.substitutions), scope, place)
            return None
        if block.kind in ("group", "subshell"):
            inner = scope if block.kind == "group" else scope.subshell()
            return _joined([self.items(body, inner, place) for body in block.bodies])
        self._branches(block, scope, place)
        return None

    def _branches(self, block: Block, scope: Scope, place: Place) -> None:
        for number, body in enumerate(block.bodies):
            certain = number == 0 and block.kind == "if"
            scope.branches += not certain
            self.items(body, scope, place)
            scope.branches -= not certain

    def _loop(self, block: Block, words: list[str], sources: tuple[int, ...], scope: Scope, place: Place) -> None:
        if len(words) > LOOPS:
            words = [*words[: LOOPS - 1], Unresolved(words[LOOPS - 1])]
        if not words:
            scope.forget(block.name)
            self._bodies(block, scope, place)
        for word in words:
            scope.assign(block.name, Value(str(word), type(word) is str, sources=sources))
            self._bodies(block, scope, place)

    def _bodies(self, block: Block, scope: Scope, place: Place) -> None:
        for body in block.bodies:
            self.items(body, scope, place)

    def _expander(self, scope: Scope, place: Place) -> Expander:
        def substitute(part: Substitution, scope: Scope) -> tuple[int | None, str | None]:
            index, printed = self._substitution(part, scope, place)
            return index, None if printed is None else printed.decode(errors="replace").replace("\0", "").rstrip("\n")

        return Expander(scope, substitute, self.spend)

    def _substitution(self, part: Substitution, scope: Scope, place: Place) -> tuple[int | None, bytes | None]:
        texts, index, printed = self.printed.get(part.source, (place.texts, None, None))
        if texts < place.texts:
            return index, printed
        inner = Place(place.wrappers, place.input, place.stdin, unknown=place.unknown, depth=place.depth + 1)
        before = len(self.commands)
        printed = self.items(part.body, scope.subshell(), msgspec.structs.replace(inner, texts=place.texts))
        index = self.printing_since(before)
        if printed is None or part.process:
            self.printed[part.source] = place.texts, index, printed
        return index, printed

    def _redirected(self, redirects: list[Redirect], expander: Expander, place: Place) -> Place:
        for redirect in redirects[:REDIRECTIONS]:
            target = expander.text(redirect.target)
            operator = redirect.operator
            noted = Redirection(operator, str(target), redirect.descriptor)
            index, given = place.input, place.stdin
            if operator in _HERE:
                text = target.encode(errors="replace") + (b"\n" if operator == "<<<" else b"")
                index, given = None, text if type(target) is str else None
            elif operator[0] == "<" and not redirect.descriptor:
                _, index, given = self.printed.get(str(target), (0, None, None))
            place = msgspec.structs.replace(
                place,
                redirections=(*place.redirections, noted),
                input=index,
                stdin=given,
                unknown=place.unknown or (type(target) is not str and given is None),
            )
        return msgspec.structs.replace(place, unknown=True) if len(redirects) > REDIRECTIONS else place

    def _simple(self, simple: Simple, scope: Scope, place: Place) -> bytes | None:
        expander = self._expander(scope, place)
        assigned = tuple(self._assigned(assignment, scope, expander) for assignment in simple.assignments)
        words = [word for written in simple.words for word in expander.words(written)]
        outer = place.redirections
        self.spend(_WORD_COST * len(words))
        place = self._redirected(simple.redirects, expander, place)
        if not words and not assigned and len(place.redirections) == len(outer) and not expander.substitutions:
            return b""
        pairs = tuple((name, value.text) for name, value in assigned)
        unknown = place.unknown or not all(value.certain for _, value in assigned)
        place = msgspec.structs.replace(
            place, assignments=pairs, unknown=unknown, substitutions=tuple(expander.substitutions)
        )
        if words:
            return self._redirected_output(self.call(words, scope, place), place, outer)
        for name, value in assigned:
            scope.assign(name, value)
        self.note(command_at(words, place))
        return b""

    def _redirected_output(self, printed: bytes | None, place: Place, outer: tuple[Redirection, ...]) -> bytes | None:
        """What is printed and not written to a file; what is written is remembered."""
        own = [r for r in place.redirections[len(outer) :] if r.operator[0] in ">&" and r.descriptor in (None, 1)]
        for redirection in own:
            before = self.files.pop(redirection.target, b"")
            if printed is not None:
                kept = before if redirection.operator.endswith(">>") else b""
                self.files[redirection.target] = (kept + printed)[:TEXT_LENGTH]
        return b"" if own and printed is not None else printed

    def _assigned(self, assignment: Assignment, scope: Scope, expander: Expander) -> tuple[str, Value]:
        before = scope.get(assignment.name) if assignment.appends else Value("")
        if assignment.array:
            items = tuple(word for written in assignment.values for word in expander.words(written))
            certain = all(type(item) is str for item in items) and not assignment.appends
            sources = tuple(expander.substitutions)
            return assignment.name, Value(" ".join(items), certain, tuple(map(str, items)), sources)
        text = expander.text(assignment.values[0])
        sources = tuple(expander.substitutions)
        certain = type(text) is str and before is not None and before.certain
        return assignment.name, Value((before.text if before else "") + text, certain, sources=sources)


def _joined(printed: list[bytes | None]) -> bytes | None:
    known = [piece for piece in printed if piece is not None]
    return b"".join(known) if len(known) == len(printed) else None
