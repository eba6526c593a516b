"""Names that models answer to, moved on a running stack: `house` is sd35-large today and another model tomorrow.

Hides how a moved name counts as a release: each model it ever pointed at is a version, and version 1 is what the
catalogue says. A job keeps what was in force when it was accepted. Never touches a model's own name: which model a use
case takes is the policy's to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from shared.catalogue import Catalogue
from shared.errors import InvalidRequest, NotFound, RequestError
from shared.ledger import Ledger
from shared.models import Principal, sha256_hex
from shared.policy import Lineup, Policy
from shared.releases import Release, alias_subject, history_problem, next_release, rollback_target
from shared.telemetry import logger
from shared.views import ModelAlias, ModelAliasList

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Aliases:
    """Moves names, and follows them."""

    ledger: Ledger
    catalogue: Catalogue
    policy: Callable[[], Policy]
    """The rules in force."""
    profile: str
    clock: Callable[[], datetime]

    def all(self, *, histories: bool) -> ModelAliasList:
        """Every name but the models' own, the catalogue's and those made here."""
        now = {**self.catalogue.aliases, **self.ledger.releases.aliases()}
        return ModelAliasList(aliases=tuple(self._view(alias, now[alias], histories) for alias in sorted(now)))

    def catalogue_for(self, name: str | None) -> Catalogue:
        """The catalogue in which a name means what it means for the next job; read only where it is no model's own."""
        if name is None or name in self.catalogue.models:
            return self.catalogue
        return self.catalogue.with_aliases(self.ledger.releases.aliases())

    def release(self, who: Principal, alias: str, model: str, *, reason: str) -> Release:
        """Let a name stand for a model. Repeating it changes nothing.

        Raises InvalidRequest, ModelRetired, or LedgerConflict.
        """
        if alias in self.catalogue.models:
            problem = f'"{alias}" is a model, not a name for one; choose another name, or let the policy choose models'
            raise InvalidRequest(problem, param="alias")
        if not _NAME.fullmatch(alias):
            raise InvalidRequest("a name is up to 64 letters, digits, dots, dashes and underscores", param="alias")
        target = self._servable(model)
        subject = alias_subject(alias)
        current, history = self.ledger.releases.current(subject), self.ledger.releases.moves(subject)
        if (current.target if current else self.catalogue.aliases.get(alias)) == target and current:
            return current
        known = self._versions(alias, history)
        version = next((number for number, name in known.items() if name == target), max(known, default=0) + 1)
        return self._move(alias, "release", who, version, target, current=current, known=known, reason=reason)

    def rollback(self, who: Principal, alias: str, *, reason: str) -> Release:
        """Let a name stand for what it stood for before. Raises NotFound, InvalidRequest or LedgerConflict."""
        subject = alias_subject(alias)
        current, history = self.ledger.releases.current(subject), self.ledger.releases.moves(subject)
        if current is None:
            if alias in self.catalogue.aliases:
                raise InvalidRequest(
                    f'alias "{alias}" was never moved, so there is nothing to go back to', param="alias"
                )
            raise NotFound(f"no alias {alias[:64]}", param="alias")
        known = self._versions(alias, history)
        version = rollback_target(history, current=current.version, versions=known)
        if version is None:
            raise InvalidRequest(f'alias "{alias}" has no earlier model to go back to', param="alias")
        target = self._servable(known[version])
        return self._move(alias, "rollback", who, version, target, current=current, known=known, reason=reason)

    def _move(
        self,
        alias: str,
        kind: Literal["release", "rollback"],
        who: Principal,
        version: int,
        target: str,
        *,
        current: Release | None,
        known: Mapping[int, str],
        reason: str,
    ) -> Release:
        move = next_release(
            current,
            subject=alias_subject(alias),
            kind=kind,
            from_version=current.version if current else min(known, default=None),
            version=version,
            file_digest=sha256_hex(target),
            by=f"{who.tenant}/{who.name}",
            at=self.clock(),
            reason=reason,
            target=target,
        )
        self.ledger.releases.record(move, alias=alias)
        logger.info("alias_moved", alias=alias, kind=kind, model=target)
        return move

    def _servable(self, model: str) -> str:
        """A living model that this stage can reach, at one tier at least."""
        row = self.catalogue.model(model, today=self.clock().date())
        policy = self.policy()
        lineup = Lineup(
            policy=policy,
            catalogue=self.catalogue,
            profile=policy.profile(self.profile),
            today=self.clock().date(),
        )
        problems: list[RequestError] = []
        for tier in row.tiers:
            try:
                lineup.serving(row.name, tier)
            except RequestError as error:
                problems.append(error)
        if len(problems) == len(row.tiers):
            raise problems[0]
        return row.name

    def _versions(self, alias: str, history: tuple[Release, ...]) -> dict[int, str]:
        """Every model the name ever stood for by its number; the catalogue's own is 1."""
        packaged = self.catalogue.aliases.get(alias)
        moved = {move.version: move.target for move in history if move.target}
        return ({1: packaged} if packaged else {}) | moved

    def _view(self, alias: str, model: str, histories: bool) -> ModelAlias:
        packaged = self.catalogue.aliases.get(alias)
        if not histories:
            return ModelAlias(alias=alias, model=model, catalogue_model=packaged)
        subject = alias_subject(alias)
        moves = self.ledger.releases.moves(subject)
        problem = history_problem(self.ledger.releases.current(subject), moves)
        if problem is None and moves and moves[-1].target != model:
            problem = f"the last move says {moves[-1].target}"
        return ModelAlias(alias=alias, model=model, catalogue_model=packaged, history=moves, problem=problem)
