"""Which detectors an event reaches: one table for requests and operations, one RE2 Set for command lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import re2

from detectors.contract import Detector
from detectors.selection import Executions, Operations, Records, Requests
from events import ActivityEvent, AuditEvent, Event, Kind, Process, RuntimeEvent

Detectors: TypeAlias = tuple[Detector[Any], ...]
LONGEST, ANSWERS = 1024, 8192
"""Characters of a command line, and command lines, for which the answer is remembered."""
EXEC = Kind.EXEC
"""By itself: to look it up in its class is slow."""
OTHER = "*"
"""Stands for every verb and resource that no selection names."""


class Dispatch:
    """The selections (`on=`) of all detectors, compiled. Of what events hold it remembers a bounded part.

    Raises
    ------
    ValueError
        A pattern of a detector is not RE2; the message names the alert type.
    """

    def __init__(self, detectors: Iterable[Detector[Any]]) -> None:
        self.detectors = tuple(detectors)
        self._requests = self._tabled()
        self._prefixes = tuple(prefix for _, selector in self._selectors(Operations) for prefix in selector.prefixes)
        self._kinds = {kind: self._of(Records, lambda selector, kind=kind: kind in selector.kinds) for kind in Kind}
        programs = {name for _, selector in self._selectors(Executions) for name in selector.names}
        self._names = {
            name: self._of(Executions, lambda selector, name=name: name in selector.names) for name in programs
        }
        self._always = self._of(Executions, lambda selector: selector == Executions())
        besides = self._selectors(Executions)
        self._besides = [(found, selector.besides) for found, selector in besides if selector.besides]
        self._set, self._patterns = self._compile()
        self._remembered: dict[tuple[str, str], Detectors] = {}

    def reached(self, event: Event) -> Detectors:
        """The detectors that want this event, in order of their alert types."""
        if type(event) is AuditEvent:
            ref = event.object
            resource = f"{ref.resource}/{ref.subresource}" if ref.subresource else ref.resource
            by_verb = self._requests.get(resource) or self._requests[OTHER]
            found = by_verb.get(event.verb)
            return by_verb[OTHER] if found is None else found
        if type(event) is RuntimeEvent:
            return self._executed(event) if event.kind is EXEC else self._kinds[event.kind]
        assert type(event) is ActivityEvent
        operation = event.operation
        if not operation.startswith(self._prefixes):
            return ()
        return self._of(Operations, lambda selector: operation.startswith(tuple(selector.prefixes)))

    def _tabled(self) -> dict[str, dict[str, Detectors]]:
        """Detectors by resource and verb, for each that a selection names and for all others."""
        selectors = [selector for _, selector in self._selectors(Requests)]
        resources = {OTHER}.union(*(selector.resources for selector in selectors))
        verbs = {OTHER}.union(*(selector.verbs for selector in selectors))
        return {resource: {verb: self._requested(resource, verb) for verb in verbs} for resource in resources}

    def _requested(self, resource: str, verb: str) -> Detectors:
        return self._of(
            Requests,
            lambda selector: (
                not selector.verbs.isdisjoint((OTHER, verb)) and not selector.resources.isdisjoint((OTHER, resource))
            ),
        )

    def _executed(self, event: RuntimeEvent) -> Detectors:
        """By program and arguments: healthy workloads run few command lines, and run them often."""
        process = event.process
        binary, arguments = process.binary, process.arguments
        if len(binary) + len(arguments) > LONGEST:
            return self._matched(process)
        key = (binary, arguments)
        found = self._remembered.get(key)
        if found is None:
            if len(self._remembered) >= ANSWERS:
                self._remembered.clear()
            found = self._remembered[key] = self._matched(process)
        return found

    def _matched(self, process: Process) -> Detectors:
        named = self._names.get(process.name, ())
        matched = self._set.Match(process.command_line) if self._set is not None else None
        unlisted = [detector for detector, paths in self._besides if process.binary not in paths]
        if not matched and not unlisted and not self._always:
            return named
        reached = {*named, *self._always, *unlisted, *(self._patterns[index] for index in matched or ())}
        return tuple(detector for detector in self.detectors if detector in reached)

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
