"""Which detectors an event reaches: one table for requests and operations, one RE2 Set for command lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import re2

from detectors.contract import Detector
from detectors.selection import ANY, Executions, Operations, Records, Requests
from events import ActivityEvent, AuditEvent, Event, Kind, RuntimeEvent

Detectors = tuple[Detector[Any], ...]
REMEMBERED = 20_000
"""Different (resource, verb) pairs and operations whose answer is kept: more than any cluster has."""


class Dispatch:
    """The selections (`on=`) of all detectors, compiled.

    Raises
    ------
    ValueError
        A pattern of a detector is not RE2; the message names the alert type.
    """

    def __init__(self, detectors: Iterable[Detector[Any]]) -> None:
        self.detectors = tuple(detectors)
        self._known: dict[tuple[str, str, str], Detectors] = {}
        programs = {name for _, selector in self._selectors(Executions) for name in selector.names}
        self._kinds = {kind: self._of(Records, lambda selector, kind=kind: kind in selector.kinds) for kind in Kind}
        self._names = {
            name: self._of(Executions, lambda selector, name=name: name in selector.names) for name in programs
        }
        self._always = self._of(Executions, lambda selector: not selector.names and not selector.patterns)
        self._set, self._patterns = self._compile()

    def reached(self, event: Event) -> Detectors:
        """The detectors that want this event, in order of their alert types."""
        if type(event) is AuditEvent:
            ref = event.object
            key = (event.verb, ref.resource, ref.subresource)
        elif type(event) is RuntimeEvent:
            return self._executed(event) if event.kind is Kind.EXEC else self._kinds[event.kind]
        else:
            assert type(event) is ActivityEvent
            key = ("", event.operation, "")
        found = self._known.get(key)
        if found is None:
            found = self._requested(event) if type(event) is AuditEvent else self._operated(key[1])
            if len(self._known) < REMEMBERED:
                self._known[key] = found
        return found

    def _executed(self, event: RuntimeEvent) -> Detectors:
        process = event.process
        named = self._names.get(process.name, ())
        matched = self._set.Match(process.command_line) if self._set is not None else None
        if not matched and not self._always:
            return named
        reached = {*named, *self._always, *(self._patterns[index] for index in matched or ())}
        return tuple(detector for detector in self.detectors if detector in reached)

    def _requested(self, event: AuditEvent) -> Detectors:
        return self._of(
            Requests,
            lambda selector: (
                (selector.verbs == ANY or event.verb in selector.verbs)
                and (selector.resources == ANY or event.resource in selector.resources)
            ),
        )

    def _operated(self, operation: str) -> Detectors:
        return self._of(Operations, lambda selector: operation.startswith(tuple(selector.prefixes)))

    def _of(self, kind: type[Any], wanted: Any) -> Detectors:
        chosen = {id(detector) for detector, selector in self._selectors(kind) if wanted(selector)}
        return tuple(detector for detector in self.detectors if id(detector) in chosen)

    def _selectors(self, kind: type[Any]) -> Iterator[tuple[Detector[Any], Any]]:
        for detector in self.detectors:
            for selector in detector.on:
                if isinstance(selector, kind):
                    yield detector, selector

    def _compile(self) -> tuple[Any, list[Detector[Any]]]:
        patterns = [
            (detector, text) for detector, selector in self._selectors(Executions) for text in selector.patterns
        ]
        if not patterns:
            return None, []
        options = re2.Options()
        options.case_sensitive = False
        options.log_errors = False
        compiled = re2.Set.SearchSet(options)
        for detector, text in patterns:
            try:
                compiled.Add(text)
            except re2.error as error:
                raise ValueError(f"{detector.alert_type}: {text!r} is not an RE2 pattern: {error}") from None
        compiled.Compile()
        return compiled, [detector for detector, _ in patterns]
