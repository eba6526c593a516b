"""Whoever changes the ledger's table behind its back is found: 1,000 seeded mutations of its items.

Each is judged twice: by the stack, from its table, and by the recipe that ships with every export, from the record
alone. Attributes that only indexes look at are not part of a record: those the stack alone can find.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shared.cli import recheck
from shared.ledger import Amendment, Ledger
from shared.ledger.examination import examined
from shared.ledger.table import decode, encode
from shared.models import Job, JobRecord, Rating, Stage, canonical_json, sha256_hex
from tests.conftest import Clock
from tests.test_ledger import attempt_of, job_of
from tests.world import create_resources

Item = dict[str, Any]
Table = dict[str, Item]
"""A job's partition by sort key."""
Mutation = Callable[[random.Random, Table, Table], None]
"""Changes the first partition; the second is another job's."""
JOBS = 6


# ── what somebody with write access may do ───────────────────────────────────────────────────────


def _events(table: Table) -> list[str]:
    return sorted(key for key in table if key.startswith("EVENT#"))


def _put_at(table: Table, place: int, item: Item, **changes: Any) -> None:
    key = f"EVENT#{place:08d}"
    table[key] = item | {"sk": key} | changes


def _other(draw: random.Random, value: Any) -> Any:
    """Another value of the same kind; deep inside, where there is an inside."""
    if isinstance(value, dict) and value:
        name = draw.choice(sorted(value))
        return value | {name: _other(draw, value[name])}
    if isinstance(value, list) and value:
        place = draw.randrange(len(value))
        return [*value[:place], _other(draw, value[place]), *value[place + 1 :]]
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        place = draw.randrange(len(value)) if value else 0
        return (
            value[:place]
            + draw.choice([each for each in "xyz" if each != value[place : place + 1]])
            + value[place + 1 :]
        )
    if isinstance(value, int | float):
        return value + draw.choice([-1, 1, 1000])
    return {"forged": 1} if isinstance(value, dict) else ["forged"] if isinstance(value, list) else "forged"


def _altered(draw: random.Random, item: Item, *, among: set[str]) -> Item:
    name = draw.choice(sorted(item.keys() & among))
    if name in {"doc", "data", "covers"}:
        return item | {name: canonical_json(_other(draw, json.loads(item[name])))}
    return item | {name: int(item[name]) + 1 if name == "seq" else _other(draw, item[name])}


def _sealed(job_id: str, item: Item) -> Item:
    """An event with the digest of its content, as one who knows the code would forge it."""
    body = {name: value for name, value in item.items() if name not in {"pk", "sk", "digest"}}
    body |= {"job_id": job_id, "seq": int(item["seq"])} | {name: json.loads(item[name]) for name in ("data", "covers")}
    return item | {"digest": sha256_hex(canonical_json(body))}


def _id(table: Table) -> str:
    return str(next(iter(table.values()))["pk"]).removeprefix("JOB#")


def _reseal_from(table: Table, key: str) -> None:
    """Seal an event and all after it anew, so that they hang together again."""
    keys = _events(table)
    for place in range(keys.index(key), len(keys)):
        prev = table[keys[place - 1]]["digest"] if place else "0" * 64
        table[keys[place]] = _sealed(_id(table), table[keys[place]] | {"prev": prev})


def event_field(draw: random.Random, table: Table, _: Table) -> None:
    key = draw.choice(_events(table))
    table[key] = _altered(draw, table[key], among=set(table[key]) - {"pk", "sk"})


def event_data_deep_inside(draw: random.Random, table: Table, _: Table) -> None:
    key = draw.choice(_events(table))
    table[key] = _altered(draw, table[key], among={"data"})


def event_field_removed(draw: random.Random, table: Table, _: Table) -> None:
    key = draw.choice(_events(table))
    del table[key][draw.choice(sorted(table[key].keys() - {"pk", "sk"}))]


def event_field_added(draw: random.Random, table: Table, _: Table) -> None:
    table[draw.choice(_events(table))][draw.choice(["expires_at", "note", "job_id"])] = draw.randrange(10**9)


def event_respelled(draw: random.Random, table: Table, _: Table) -> None:
    """The same JSON, with spaces: not what was written."""
    key = draw.choice(_events(table))
    table[key]["data"] = json.dumps(json.loads(table[key]["data"])) + " "


def event_moment_respelled(draw: random.Random, table: Table, _: Table) -> None:
    key = draw.choice(_events(table))
    table[key]["at"] = table[key]["at"].replace("Z", "+00:00")


def event_seq(draw: random.Random, table: Table, _: Table) -> None:
    table[draw.choice(_events(table))]["seq"] = draw.randrange(20, 99)


def first_dropped(_: random.Random, table: Table, __: Table) -> None:
    del table[_events(table)[0]]


def middle_dropped(draw: random.Random, table: Table, _: Table) -> None:
    del table[draw.choice(_events(table)[1:-1])]


def last_dropped(_: random.Random, table: Table, __: Table) -> None:
    del table[_events(table)[-1]]


def all_dropped(_: random.Random, table: Table, __: Table) -> None:
    for key in _events(table):
        del table[key]


def tail_dropped_and_the_job_told(draw: random.Random, table: Table, _: Table) -> None:
    """The job's number and head are set back as well; its state is not what it was then."""
    keys = _events(table)
    keep = draw.randrange(1, len(keys))
    for key in keys[keep:]:
        del table[key]
    last = table[keys[keep - 1]]
    doc = json.loads(table["JOB"]["doc"]) | {"seq": keep, "head": last["digest"]}
    table["JOB"] |= {"doc": json.dumps(doc), "seq": keep}


def middle_dropped_and_the_rest_moved_up(draw: random.Random, table: Table, _: Table) -> None:
    keys = _events(table)
    gone = draw.randrange(1, len(keys) - 1)
    for place in range(gone, len(keys) - 1):
        _put_at(table, place + 1, table[keys[place + 1]], seq=place + 1)
    del table[keys[-1]]


def two_swapped(draw: random.Random, table: Table, _: Table) -> None:
    one, two = draw.sample(_events(table), 2)
    table[one], table[two] = table[two] | {"sk": one}, table[one] | {"sk": two}


def two_swapped_and_renumbered(draw: random.Random, table: Table, _: Table) -> None:
    one, two = draw.sample(_events(table), 2)
    first, second = table[one], table[two]
    table[one] = second | {"sk": one, "seq": first["seq"]}
    table[two] = first | {"sk": two, "seq": second["seq"]}


def two_swapped_and_sealed(draw: random.Random, table: Table, _: Table) -> None:
    one, two = sorted(draw.sample(_events(table), 2))
    first, second = table[one], table[two]
    table[one] = second | {"sk": one, "seq": first["seq"]}
    table[two] = first | {"sk": two, "seq": second["seq"]}
    _reseal_from(table, one)


def one_duplicated_at_the_end(draw: random.Random, table: Table, _: Table) -> None:
    keys = _events(table)
    _put_at(table, len(keys) + 1, table[draw.choice(keys)])


def one_appended_in_good_form(_: random.Random, table: Table, __: Table) -> None:
    last = table[_events(table)[-1]]
    number = int(last["seq"]) + 1
    _put_at(
        table, number, _sealed(_id(table), last | {"seq": number, "prev": last["digest"], "type": "final.accepted"})
    )


def one_inserted(draw: random.Random, table: Table, _: Table) -> None:
    keys = _events(table)
    place = draw.randrange(1, len(keys))
    for number in range(len(keys), place, -1):
        _put_at(table, number + 1, table[f"EVENT#{number:08d}"], seq=number + 1)
    _put_at(table, place + 1, table[keys[place - 1]], seq=place + 1)


def one_beside_the_chain(draw: random.Random, table: Table, _: Table) -> None:
    key = draw.choice(_events(table))
    table[f"{key}x"] = table[key] | {"sk": f"{key}x"}


def one_of_another_job(draw: random.Random, table: Table, other: Table) -> None:
    key = draw.choice(sorted(set(_events(table)) & set(_events(other))))
    table[key] = other[key] | {"pk": table[key]["pk"]}


def altered_and_sealed(draw: random.Random, table: Table, _: Table) -> None:
    key = draw.choice(_events(table))
    table[key] = _sealed(_id(table), _altered(draw, table[key], among={"actor", "type", "data"}))


def altered_and_all_after_it_sealed(draw: random.Random, table: Table, _: Table) -> None:
    """Everything but the job's head, which is the one thing that gives it away."""
    key = draw.choice(_events(table))
    table[key] = _altered(draw, table[key], among={"actor", "type", "data"})
    _reseal_from(table, key)


def job_field(draw: random.Random, table: Table, _: Table) -> None:
    table["JOB"] = _altered(draw, table["JOB"], among={"doc"})


def job_stage_everywhere(draw: random.Random, table: Table, _: Table) -> None:
    """Done, in its document and for every index: only the last event knows better."""
    job = Job.model_validate_json(table["JOB"]["doc"])
    stage = draw.choice([each for each in Stage if each.terminal and each is not job.stage])
    table["JOB"] |= {"doc": job.model_copy(update={"stage": stage}).model_dump_json(), "stage": stage.value}
    for name in ("open_pk", "open_sk", "open_tenant_pk", "open_tenant_sk"):
        table["JOB"].pop(name, None)


def job_head_or_seq(draw: random.Random, table: Table, _: Table) -> None:
    doc = json.loads(table["JOB"]["doc"])
    name = draw.choice(["head", "seq"])
    doc |= {name: _other(draw, doc[name])}
    table["JOB"] |= {"doc": json.dumps(doc), "seq": doc["seq"]}


def job_gone(_: random.Random, table: Table, __: Table) -> None:
    del table["JOB"]


def index_attribute(draw: random.Random, table: Table, _: Table) -> None:
    key = draw.choice([key for key in sorted(table) if not key.startswith(("EVENT#", "RATING#"))])
    names = table[key].keys() - {"pk", "sk", "doc", "open_sk"}
    draw.choice([_attribute_altered, _attribute_removed, _attribute_added])(draw, table[key], names)


def _attribute_altered(draw: random.Random, item: Item, names: set[str]) -> None:
    item.update(_altered(draw, item, among=names))


def _attribute_removed(draw: random.Random, item: Item, names: set[str]) -> None:
    del item[draw.choice(sorted(names))]


def _attribute_added(draw: random.Random, item: Item, names: set[str]) -> None:
    item[draw.choice(["expires_at", "note"])] = draw.randrange(10**9)


def _witness(draw: random.Random, table: Table) -> str:
    return draw.choice([key for key in sorted(table) if key.startswith(("ATTEMPT#", "RATING#"))])


def attempt_or_rating(draw: random.Random, table: Table, _: Table) -> None:
    key = _witness(draw, table)
    table[key] = _altered(draw, table[key], among={"doc"})


def attempt_or_rating_gone(draw: random.Random, table: Table, _: Table) -> None:
    del table[_witness(draw, table)]


def attempt_or_rating_forged(draw: random.Random, table: Table, _: Table) -> None:
    key = _witness(draw, table)
    table[f"{key}9"] = table[key] | {"sk": f"{key}9"}


def two_attempts_swapped(draw: random.Random, table: Table, _: Table) -> None:
    one, two = [key for key in sorted(table) if key.startswith("ATTEMPT#")][:2]
    table[one], table[two] = table[two] | {"sk": one}, table[one] | {"sk": two}


def no_json_any_more(draw: random.Random, table: Table, _: Table) -> None:
    key = draw.choice(sorted(table))
    name = draw.choice(sorted(table[key].keys() & {"doc", "data", "covers"}))
    table[key][name] = draw.choice(["", "{", '{"a":1', "NaN", table[key][name][:-1]])


IN_THE_TABLE_ONLY: tuple[Mutation, ...] = (index_attribute,)
IN_THE_RECORD: tuple[Mutation, ...] = (
    event_field, event_data_deep_inside, event_field_removed, event_field_added, event_respelled,
    event_moment_respelled, event_seq, first_dropped, middle_dropped, last_dropped, all_dropped,
    tail_dropped_and_the_job_told, middle_dropped_and_the_rest_moved_up, two_swapped, two_swapped_and_renumbered,
    two_swapped_and_sealed, one_duplicated_at_the_end, one_appended_in_good_form, one_inserted, one_beside_the_chain,
    one_of_another_job, altered_and_sealed, altered_and_all_after_it_sealed, job_field, job_stage_everywhere,
    job_head_or_seq, job_gone, attempt_or_rating, attempt_or_rating_gone, attempt_or_rating_forged,
    two_attempts_swapped, no_json_any_more,
)  # fmt: skip
EACH = -(-1_000 // (len(IN_THE_RECORD) + len(IN_THE_TABLE_ONLY)))


# ── the ledger they do it to ─────────────────────────────────────────────────────────────────────


class Vault:
    """A table with some jobs, done and open, and a hand that writes to it directly."""

    def __init__(self, name: str) -> None:
        self._client = boto3.client("dynamodb")
        self._name = name
        clock = Clock()
        self.ledger = Ledger(self._client, name, clock=clock)
        self.jobs = [self._job(number, clock) for number in range(JOBS)]
        self.tables = {job: self._read(job) for job in self.jobs}

    def _job(self, number: int, clock: Clock) -> str:
        job = self.ledger.open(job_of(clock, number), actor="dana", data={"seed": 42, "request": {"tags": ["a", "b"]}})
        for candidate in (1, 2):
            clock.forward(seconds=1)
            facts = {"guidance": 7.0, "words": ["ß", "SALE"], "seed": {"sent": None, "exact": True}}
            rendered = attempt_of(job, candidate=candidate, clock=clock)
            step = Amendment(event="render.finished", actor="render", data=facts, attempts=(rendered,))
            job = self._after(job, step)
        if number % 2:
            job = self._after(job, Amendment(event="job.completed", actor="done", changes={"stage": Stage.DONE}))
        rating = Rating(stars=4, by="dana", at=datetime(2026, 11, 23, tzinfo=UTC), shown="d1-1")
        return self._after(job, Amendment(event="job.rated", actor="dana", rating=rating, epilogue=True)).id

    def _after(self, job: Job, amendment: Amendment) -> Job:
        return self.ledger.amend(job, lambda _: amendment)

    def _read(self, job_id: str) -> Table:
        query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": encode({":pk": f"JOB#{job_id}"})}
        items = self._client.query(TableName=self._name, **query)["Items"]
        return {item["sk"]: item for item in map(decode, items)}

    def write(self, job_id: str, stored: Table, wanted: Table) -> None:
        """Turn what is stored into what is wanted."""
        for key in stored.keys() - wanted.keys():
            self._client.delete_item(TableName=self._name, Key=encode({"pk": f"JOB#{job_id}", "sk": key}))
        for key, item in wanted.items():
            if stored.get(key) != item:
                self._client.put_item(TableName=self._name, Item=encode(item))


@pytest.fixture(scope="module")
def vault() -> Any:
    with mock_aws():
        yield Vault(create_resources().settings.table_name)


def _mutated(vault: Vault, mutation: Mutation, *, seed: int) -> tuple[str, Table]:
    """A job and its partition after one mutation, as DynamoDB gives it back."""
    draw = random.Random(f"{mutation.__name__}/{seed}")
    job_id, other = draw.sample(vault.jobs, 2)
    wanted = copy.deepcopy(vault.tables[job_id])
    mutation(draw, wanted, copy.deepcopy(vault.tables[other]))
    assert wanted != vault.tables[job_id], "it changed nothing"
    return job_id, {key: decode(encode(item)) for key, item in wanted.items()}


def _found(record: JobRecord) -> tuple[bool, bool]:
    """By the stack, and by the recipe."""
    return not record.intact, any(recheck.problems(record.model_dump(mode="json")))


def test_there_are_a_thousand() -> None:
    assert EACH * (len(IN_THE_RECORD) + len(IN_THE_TABLE_ONLY)) >= 1_000


@pytest.mark.parametrize("mutation", IN_THE_RECORD, ids=lambda each: each.__name__)
def test_every_change_of_a_record_is_found_by_the_stack_and_by_the_recipe(vault: Vault, mutation: Mutation) -> None:
    mutants = [_mutated(vault, mutation, seed=seed) for seed in range(EACH)]

    assert [_found(examined(job_id, table.values())) for job_id, table in mutants] == [(True, True)] * EACH


@pytest.mark.parametrize("mutation", IN_THE_TABLE_ONLY, ids=lambda each: each.__name__)
def test_every_change_of_an_index_is_found_by_the_stack(vault: Vault, mutation: Mutation) -> None:
    mutants = [_mutated(vault, mutation, seed=seed) for seed in range(EACH)]

    assert [examined(job_id, table.values()).intact for job_id, table in mutants] == [False] * EACH


@pytest.mark.parametrize("mutation", IN_THE_RECORD + IN_THE_TABLE_ONLY, ids=lambda each: each.__name__)
def test_one_of_each_kind_is_found_in_the_table_itself(vault: Vault, mutation: Mutation) -> None:
    """Nothing on the way hides it: what one has written with the AWS client is read and judged."""
    job_id, wanted = _mutated(vault, mutation, seed=EACH)

    vault.write(job_id, vault.tables[job_id], wanted)
    record = vault.ledger.record(job_id)
    vault.write(job_id, wanted, vault.tables[job_id])

    assert record == examined(job_id, wanted.values())
    assert not record.intact


def test_what_nobody_touched_holds(vault: Vault) -> None:
    for job_id in vault.jobs:
        record = vault.ledger.record(job_id)

        assert record.breaks == ()
        assert list(recheck.problems(record.model_dump(mode="json"))) == []


def test_a_job_that_is_looked_at_later_is_no_break(vault: Vault) -> None:
    """When sweep looks again moves without an event: nothing happened to the job."""
    job = vault.ledger.job(vault.jobs[0])

    vault.ledger.postpone(job, until=job.updated_at + timedelta(hours=3))

    assert vault.ledger.record(job.id).intact


def test_a_chain_rewritten_with_its_head_shows_in_an_earlier_record_only(vault: Vault) -> None:
    """By design no look at the table finds it: see `presscheck audit verify --against`."""
    job_id = vault.jobs[1]
    before = vault.ledger.record(job_id)
    wanted = copy.deepcopy(vault.tables[job_id])
    first = _events(wanted)[0]
    wanted[first] |= {"actor": "mallory"}
    _reseal_from(wanted, first)
    doc = json.loads(wanted["JOB"]["doc"]) | {"head": wanted[_events(wanted)[-1]]["digest"]}
    wanted["JOB"]["doc"] = json.dumps(doc)

    vault.write(job_id, vault.tables[job_id], wanted)
    after = vault.ledger.record(job_id)
    vault.write(job_id, wanted, vault.tables[job_id])

    assert after.intact
    assert after.events[-1]["digest"] != before.events[-1]["digest"]
