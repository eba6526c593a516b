"""All versions of the policy that a deployment carries: a job keeps the one it was submitted under.

Hides where they lie: `policy.toml` is the newest, `policy/versions/<n>.toml` holds the earlier ones as they were, and
`policy/versions.lock` the digests of the released. Which version a running stack has released is in the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, Self

from shared.catalogue import Catalogue
from shared.errors import ConfigurationError
from shared.models import Value, sha256_hex
from shared.policy.rulebook import Policy
from shared.versions import changed_since, read_lock, write_lock

POLICY_FOLDER: Final = Path(__file__).parent.parent


class Policies(Value):
    """Policies by version; never empty."""

    versions: Mapping[int, Policy]
    files: Mapping[int, Path]
    digests: Mapping[int, str]
    """sha256 of each version's file."""
    released: int
    """Where the ledger names none: the highest locked version, without a lock the highest."""

    @classmethod
    def load(cls, root: Path = POLICY_FOLDER) -> Policies:
        """Read all versions. Raises ConfigurationError for one that is not sound, or changed after its release."""
        newest = root / "policy.toml"
        versions: dict[int, Policy] = {}
        files: dict[int, Path] = {}
        for path in (newest, *sorted((root / "policy" / "versions").glob("*.toml"))):
            policy = Policy.load(path)
            if path != newest and (path.stem != str(policy.version) or policy.version >= next(iter(files))):
                problem = f"{path.name}: holds version {policy.version}; expected an earlier one, named so"
                raise ConfigurationError(problem)
            versions[policy.version], files[policy.version] = policy, path
        digests = {version: sha256_hex(path.read_bytes()) for version, path in files.items()}
        locked = read_lock(_lock(root))
        if wrong := changed_since(locked or {}, _by_reference(digests)):
            raise ConfigurationError("; ".join(wrong))
        candidates = [version for version in versions if locked is None or f"policy@{version}" in locked]
        return cls(versions=versions, files=files, digests=digests, released=max(candidates or versions))

    def at(self, version: int) -> Policy:
        """The rules of one version. Raises ConfigurationError for one this deployment does not carry."""
        if version not in self.versions:
            known = ", ".join(map(str, sorted(self.versions)))
            raise ConfigurationError(f"policy version {version} is not part of this deployment; it has: {known}")
        return self.versions[version]

    def with_endpoints(self, models: Collection[str]) -> Self:
        """The same versions in a deployment that has endpoints for these models."""
        versions = {version: policy.with_endpoints(models) for version, policy in self.versions.items()}
        return self.model_copy(update={"versions": versions})

    def check(self, catalogue: Catalogue) -> None:
        """Raise ConfigurationError where any version names a model that is not there or cannot do its part."""
        for policy in self.versions.values():
            policy.check(catalogue)


def lock_policy(root: Path = POLICY_FOLDER, *, version: int) -> None:
    """Release a version in the files: from now on it may not change. Safe to repeat."""
    policies = Policies.load(root)
    policies.at(version)
    write_lock(_lock(root), (read_lock(_lock(root)) or {}) | {f"policy@{version}": policies.digests[version]})


def _lock(root: Path) -> Path:
    return root / "policy" / "versions.lock"


def _by_reference(digests: Mapping[int, str]) -> dict[str, str]:
    return {f"policy@{version}": digest for version, digest in digests.items()}
