"""A Distributed Map whose fields are JSONata, and that hands its items on in chunks.

Hides the emulator's own, which reads `Arguments` and `ItemSelector` as JSONPath and knows no `ItemBatcher`, no version
of an object and no `Output`. It still runs the children; what they are given is made here, as AWS documents it:
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-fields-dist-map.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

_MOST_BYTES: Final = 262_144


def with_jsonata(stepfunctions: Any, s3: Any) -> Any:
    """The emulator's `_run_distributed_map`, and ours before it for states that speak JSONata."""
    stock = stepfunctions._run_distributed_map

    def run(  # noqa: PLR0917 - the emulator's own signature
        state: Any, raw_input: Any, effective: Any, processor: Any, execution: Any, context: Any
    ) -> Any:
        if stepfunctions._state_query_language(state, context) != "JSONata":
            return stock(state, raw_input, effective, processor, execution, context)

        def evaluated(field: Any, **more: Any) -> Any:
            return stepfunctions._apply_jsonata_template(field, raw_input, {**context, **more})

        items = _read(stepfunctions, s3, state["ItemReader"], evaluated)
        if selector := state.get("ItemSelector"):
            items = [
                evaluated(selector, Map={"Item": {"Index": index, "Value": value}}) for index, value in enumerate(items)
            ]
        if batcher := state.get("ItemBatcher"):
            items = list(_chunks(items, evaluated(batcher)))
        bare = {name: state[name] for name in state if name not in {"ItemReader", "ItemSelector", "ItemBatcher"}}
        bare |= {"QueryLanguage": "JSONPath", "ItemsPath": "$"}
        results, following = stock(bare, raw_input, items, processor, execution, context)
        output = stepfunctions._apply_jsonata_output(state, raw_input, context, result=results, default=results)
        stepfunctions._apply_state_assign(state, raw_input, context, result=results)
        return output, following

    return run


def _read(stepfunctions: Any, s3: Any, reader: Any, evaluated: Any) -> list[Any]:
    where = evaluated(reader["Arguments"])
    body = s3._get_object_data(where["Bucket"], where["Key"], where.get("VersionId") or None)
    if body is None:
        raise stepfunctions._ExecutionError(
            "States.ItemReaderFailed", f"no object {where['Key']} in {where['Bucket']} in this version"
        )
    try:
        return list(stepfunctions._parse_reader_items(body.decode(), reader["ReaderConfig"]))
    except ValueError as error:
        raise stepfunctions._ExecutionError("States.ItemReaderFailed", str(error)) from error


def _chunks(items: list[Any], batcher: Any) -> Iterator[dict[str, Any]]:
    most, bytes_most = batcher.get("MaxItemsPerBatch", len(items)), batcher.get("MaxInputBytesPerBatch", _MOST_BYTES)
    shared = {"BatchInput": batcher["BatchInput"]} if "BatchInput" in batcher else {}
    chunk: list[Any] = []
    size = empty = len(json.dumps(shared)) + len('"Items":[]')
    for item in items:
        needed = len(json.dumps(item)) + 1
        if chunk and (len(chunk) == most or size + needed > bytes_most):
            yield {**shared, "Items": chunk}
            chunk, size = [], empty
        chunk.append(item)
        size += needed
    if chunk:
        yield {**shared, "Items": chunk}
