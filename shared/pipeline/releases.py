"""Release a version of a template or of the policy, roll it back, and say which is in force for the next job.

The pointer is in the ledger and read anew for every job: a move works at once, and no earlier job sees it, because a
job records its versions when it is accepted. Never reads or writes files: what can be released is what was deployed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.errors import ConfigurationError, InvalidRequest, NotFound
from shared.ledger import Ledger
from shared.models import Principal, Value
from shared.policy import Policies, Policy
from shared.prompts import Template, Templates
from shared.releases import POLICY, Release, next_release, rollback_target, template_subject
from shared.telemetry import logger


class _Shelf(Value):
    """What there is of one template, or of the policy."""

    subject: str
    title: str
    digests: Mapping[int, str]
    released: int | None
    """Where the ledger says nothing."""


@dataclass(frozen=True, kw_only=True)
class Releases:
    """Moves pointers, and follows them."""

    ledger: Ledger
    templates: Templates
    policies: Policies
    clock: Callable[[], datetime]

    # ── what is in force ─────────────────────────────────────────────────────────────────────────

    def policy(self) -> Policy:
        """The rules for the next job."""
        return self.policies.at(self.policy_version())

    def template(self, reference: str) -> Template:
        """The template for the next job: the version pinned (`poster@3`), else the one in force (`poster`).

        Raises InvalidRequest naming what there is.
        """
        if "@" in reference or reference not in self.templates.versions:
            return self.templates.find(reference)
        version = self.template_version(reference)
        return self.templates.find(reference if version is None else f"{reference}@{version}")

    def policy_version(self) -> int:
        return self._in_force(self._policies(), self.ledger.releases.current(POLICY)) or self.policies.released

    def template_version(self, name: str) -> int | None:
        """None where no version was ever released. Raises NotFound for a template that does not exist."""
        shelf = self._template(name)
        return self._in_force(shelf, self.ledger.releases.current(shelf.subject))

    # ── moving the pointer ───────────────────────────────────────────────────────────────────────

    def release_template(self, who: Principal, name: str, version: int, *, reason: str) -> Release:
        """Put a version in force. Repeating it changes nothing. Raises NotFound, InvalidRequest or LedgerConflict."""
        return self._release(self._template(name), who, version, reason=reason)

    def rollback_template(self, who: Principal, name: str, *, reason: str) -> Release:
        """Put the version in force that was so before. Raises NotFound, InvalidRequest or LedgerConflict."""
        return self._roll_back(self._template(name), who, reason=reason)

    def release_policy(self, who: Principal, version: int, *, reason: str) -> Release:
        return self._release(self._policies(), who, version, reason=reason)

    def rollback_policy(self, who: Principal, *, reason: str) -> Release:
        return self._roll_back(self._policies(), who, reason=reason)

    def _release(self, shelf: _Shelf, who: Principal, version: int, *, reason: str) -> Release:
        current = self.ledger.releases.current(shelf.subject)
        if version not in shelf.digests:
            known = ", ".join(map(str, sorted(shelf.digests)))
            problem = f"{shelf.title} has versions {known} in this deployment, not {version}"
            raise InvalidRequest(problem, param="version")
        if current and (current.version, current.file_digest) == (version, shelf.digests[version]):
            return current
        history = self.ledger.releases.moves(shelf.subject)
        return self._move(shelf, "release", who, version, current=current, history=history, reason=reason)

    def _roll_back(self, shelf: _Shelf, who: Principal, *, reason: str) -> Release:
        current = self.ledger.releases.current(shelf.subject)
        history = self.ledger.releases.moves(shelf.subject)
        in_force = current.version if current else shelf.released
        target = None if in_force is None else rollback_target(history, current=in_force, versions=shelf.digests)
        if target is None:
            raise InvalidRequest(f"{shelf.title} has no earlier version to go back to", param="version")
        if target not in shelf.digests:
            problem = f"{shelf.title} had version {target} before, which is not part of this deployment"
            raise InvalidRequest(problem, param="version")
        return self._move(shelf, "rollback", who, target, current=current, history=history, reason=reason)

    def _move(
        self,
        shelf: _Shelf,
        kind: Literal["release", "rollback"],
        who: Principal,
        version: int,
        *,
        current: Release | None,
        history: Sequence[Release],
        reason: str,
    ) -> Release:
        digest = shelf.digests[version]
        if any(earlier.version == version and earlier.file_digest != digest for earlier in history):
            problem = f"{shelf.title} version {version} was released with other content; make it a new version"
            raise InvalidRequest(problem, param="version")
        move = next_release(
            current,
            subject=shelf.subject,
            kind=kind,
            from_version=current.version if current else shelf.released,
            version=version,
            file_digest=digest,
            by=f"{who.tenant}/{who.name}",
            at=self.clock(),
            reason=reason,
        )
        self.ledger.releases.record(move)
        logger.info("release_moved", subject=move.subject, kind=kind, from_version=move.from_version, version=version)
        return move

    # ── what there is ────────────────────────────────────────────────────────────────────────────

    def _template(self, name: str) -> _Shelf:
        if name not in self.templates.versions:
            raise NotFound(f"no template {name[:64]}", param="name")
        return _Shelf(
            subject=template_subject(name),
            title=f'template "{name}"',
            digests={version: template.ref.digest for version, template in self.templates.versions[name].items()},
            released=self.templates.releases.get(name),
        )

    def _policies(self) -> _Shelf:
        return _Shelf(
            subject=POLICY, title="the policy", digests=self.policies.digests, released=self.policies.released
        )

    def _in_force(self, shelf: _Shelf, current: Release | None) -> int | None:
        if current is None:
            return shelf.released
        if shelf.digests.get(current.version) != current.file_digest:
            has = "carries another file under that number" if current.version in shelf.digests else "lacks it"
            problem = f"{shelf.title}: version {current.version} is released, but this deployment {has}"
            raise ConfigurationError(problem)
        return current.version
