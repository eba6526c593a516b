"""Policy versions: every one a deployment carries can be asked for, and a released one never changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.catalogue import Catalogue
from shared.errors import ConfigurationError
from shared.policy import Policies, lock_policy

PACKAGED = (Path(__file__).parent.parent / "shared" / "policy.toml").read_text(encoding="utf-8")


def write_policies(root: Path, *, newest: int = 2) -> Path:
    """Versions 1 to `newest`: the packaged rules, in each of which the hero takes ten steps more."""
    (root / "policy" / "versions").mkdir(parents=True)
    for version in range(1, newest + 1):
        path = root / "policy.toml" if version == newest else root / "policy" / "versions" / f"{version}.toml"
        rules = re.sub(r"(?m)^version = \d+$", f"version = {version}", PACKAGED, count=1)
        path.write_text(rules.replace("steps = 28, guidance = 4.5", f"steps = {10 * version}, guidance = 4.5"))
    return root


def test_the_packaged_versions_are_sound_and_the_released_have_not_changed() -> None:
    policies = Policies.load()

    policies.check(Catalogue.load())
    assert policies.released in policies.versions


def test_each_version_keeps_its_own_rules(tmp_path: Path) -> None:
    policies = Policies.load(write_policies(tmp_path))

    assert [policies.at(version).use_case("hero").final.steps for version in (1, 2)] == [10, 20]
    with pytest.raises(ConfigurationError, match="version 3 is not part of this deployment; it has: 1, 2"):
        policies.at(3)


def test_the_highest_locked_version_is_released_and_without_a_lock_the_highest(tmp_path: Path) -> None:
    root = write_policies(tmp_path)

    assert Policies.load(root).released == 2
    lock_policy(root, version=1)
    assert Policies.load(root).released == 1
    lock_policy(root, version=2)
    assert Policies.load(root).released == 2


def test_a_released_policy_may_move_to_the_earlier_versions_but_not_change(tmp_path: Path) -> None:
    root = write_policies(tmp_path, newest=1)
    lock_policy(root, version=1)
    newest, kept = root / "policy.toml", root / "policy" / "versions" / "1.toml"

    kept.write_bytes(newest.read_bytes())
    newest.write_text(newest.read_text().replace("\nversion = 1\n", "\nversion = 2\n"))
    assert set(Policies.load(root).versions) == {1, 2}

    kept.write_text(kept.read_text() + "\n")
    with pytest.raises(ConfigurationError, match="policy@1 was released and then edited"):
        Policies.load(root)


@pytest.mark.parametrize("name", ["2.toml", "01.toml", "one.toml"])
def test_an_earlier_version_under_another_name_is_refused(tmp_path: Path, name: str) -> None:
    root = write_policies(tmp_path)
    (root / "policy" / "versions" / "1.toml").rename(root / "policy" / "versions" / name)

    with pytest.raises(ConfigurationError, match="holds version 1"):
        Policies.load(root)
