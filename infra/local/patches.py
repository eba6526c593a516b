"""What we change in the emulator, all of it, and for exactly one version of it.

Each patch answers a difference from AWS that this pipeline can see. It is anchored on the
digest of the code it replaces: on any other ministack, `apply` refuses to start rather than
patch what it does not know. Never changes what a template means, only how the emulator keeps
its word.

1. A handler's exception keeps its class name (AWS: `errorType`), and its process lives on.
2. Invocations queue for a slot (governor.py) instead of starting a process per call; a wait
   in that queue does not use up the timeout of a Step Functions task.
3. A handler that fails under `.waitForTaskToken` fails the state at once, not at its timeout.
4. Processes of a function die with the emulator, share one copy of its code, and make room for
   busy functions when they are idle.
5. A call that logs nothing is answered at once: the worker marks the end of its log.
6. Loopback counts as a secure transport: policies that deny plain HTTP are enforced here too,
   and there is no wire that anyone could listen on.
7. A request through the front door looks to the handler as through a custom domain name: no
   stage in its path.
8. A Distributed Map takes JSONata, versions of objects and chunks (distributed_map.py).
9. A streaming integration finds its function; its reply is passed on in one piece, when all of it is there.
"""

from __future__ import annotations

import contextvars
import hashlib
import inspect
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

from infra.local.distributed_map import with_jsonata
from infra.local.governor import Governor, QueueClock, Slot, current_slot, queue_clock

MINISTACK: Final = "1.5.33"
PATIENCE_S: Final = 300.0

through_front_door: contextvars.ContextVar[bool] = contextvars.ContextVar("through_front_door", default=False)

_END_OF_LOG: Final = "\x1epresscheck-end-of-log"
_LOG_CAP_S: Final = 0.25

# The end of the worker's loop as shipped, and ours: the class name travels as an ordinary result, because the
# emulator takes every "error" status for a broken process and kills it.
_CALL: Final = """        try:
            result = handler_fn(event, context)
            _real_stdout.write(json.dumps({"status": "ok", "result": result}) + "\\n")
        except Exception as e:
            _real_stdout.write(json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()}) + "\\n")
        _real_stdout.flush()
"""  # noqa: E501 - the emulator's own line
_CALL_OURS: Final = f"""        try:
            _answer = json.dumps({{"status": "ok", "result": handler_fn(event, context)}})
        except Exception as e:
            traceback.print_exc()
            _answer = json.dumps({{"status": "ok", "result": {{"__handler_error__": {{
                "errorMessage": str(e), "errorType": type(e).__name__, "requestId": context.aws_request_id,
                "stackTrace": traceback.format_tb(e.__traceback__)}}}}}})
        sys.stderr.write({_END_OF_LOG + chr(10)!r})
        sys.stderr.flush()
        _real_stdout.write(_answer + "\\n")
        _real_stdout.flush()
"""
_CODE: Final = '    code_dir = init["code_dir"]\n'
_CODE_OURS: Final = '    code_dir = _shared_code(init["code_dir"])\n'
_HEAD: Final = "def run():\n"
_HEAD_OURS: Final = """def _end_with_parent(parent=__import__("os").getppid()):
    import os, time
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)

def _shared_code(own):
    # The first process of a package leaves its code, and soon its .pyc files, to all later ones.
    import hashlib, os, pathlib, tempfile
    digest = hashlib.sha256((pathlib.Path(own).parent / "code.zip").read_bytes()).hexdigest()[:16]
    shared = os.path.join(tempfile.gettempdir(), "presscheck-code-" + digest)
    if not os.path.isdir(shared):
        try:
            os.rename(own, shared)
        except OSError:
            pass  # another process was first
    os.environ["LAMBDA_TASK_ROOT"] = shared
    os.chdir(shared)
    return shared

def run():
    import threading
    threading.Thread(target=_end_with_parent, daemon=True).start()
"""


class UnknownEmulatorError(RuntimeError):
    """The installed emulator is not the one these patches were written for."""


def apply(governor: Governor) -> None:
    """Patch the imported emulator in place. Call once, before it serves."""
    found = version("ministack")
    if found != MINISTACK:
        raise UnknownEmulatorError(f"ministack {found} is installed, the local stack needs {MINISTACK} exactly")
    _patch_worker()
    _patch_concurrency(governor)
    _patch_stepfunctions()
    _patch_distributed_map()
    _patch_policies()
    _patch_gateway()


def _module(name: str) -> Any:
    return import_module(name)


def _patch_worker() -> None:
    runtime = _module("ministack.core.lambda_runtime")
    lambda_svc = _module("ministack.services.lambda_svc")

    script = _replace_once(runtime._PYTHON_WORKER_SCRIPT, _CALL, _CALL_OURS)
    script = _replace_once(script, _CODE, _CODE_OURS)
    runtime._PYTHON_WORKER_SCRIPT = _replace_once(script, _HEAD, _HEAD_OURS)

    _anchor(runtime.Worker._drain_stderr_bounded, "DRAIN")
    stock_drain = runtime.Worker._drain_stderr_bounded

    def drain_to_mark(worker: Any, *args: Any, **kwargs: Any) -> str:
        if type(worker) is not runtime.Worker or not str(worker.config.get("Runtime", "")).startswith("python"):
            return str(stock_drain(worker, *args, **kwargs))
        lines: list[str] = []
        deadline = time.monotonic() + _LOG_CAP_S
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = worker._stderr_queue.get(timeout=left)
            except runtime.queue.Empty:
                break
            if line == _END_OF_LOG:
                break
            lines.append(line)
        return "\n".join(lines)

    runtime.Worker._drain_stderr_bounded = drain_to_mark

    _anchor(lambda_svc._execute_function_warm, "WARM")
    stock_warm = lambda_svc._execute_function_warm

    def execute_warm(func: Any, event: Any, request_id: str) -> Any:
        result = stock_warm(func, event, request_id)
        body = result.get("body")
        if isinstance(body, dict) and "__handler_error__" in body:
            return {"body": body["__handler_error__"], "error": True, "log": result.get("log", "")}
        return result

    lambda_svc._execute_function_warm = execute_warm


def _patch_concurrency(governor: Governor) -> None:
    runtime = _module("ministack.core.lambda_runtime")
    lambda_svc = _module("ministack.services.lambda_svc")

    _anchor(lambda_svc._execute_function, "EXECUTE")
    _anchor(lambda_svc._acquire_execution_slot, "SLOT")
    _anchor(runtime.acquire_worker, "WORKER")
    _anchor(runtime.Worker._spawn, "SPAWN")
    stock_acquire, stock_spawn = runtime.acquire_worker, runtime.Worker._spawn

    def acquire_slot(func: Any, config: Any) -> tuple[Slot | None, str | None]:
        slot = governor.acquire(
            lambda_svc._inflight_key(config),
            memory_mb=int(config.get("MemorySize") or 128),
            reserved=lambda_svc._reserved_concurrency(func, config),
            patience_s=PATIENCE_S,
        )
        current_slot.set(slot)
        return slot, None if slot else "function"

    def release_slot(slot: Slot | None) -> None:
        if slot:
            governor.release(slot)

    def acquire_worker(*args: Any, **kwargs: Any) -> Any:
        worker, how = stock_acquire(*args, **kwargs)
        if how == "spawn":
            _retire_idle(runtime, keep=governor.processes)
        return worker, how

    def spawn(worker: Any) -> None:
        with governor.starting(current_slot.get()):
            stock_spawn(worker)

    runtime.Worker._spawn = spawn
    lambda_svc._acquire_execution_slot = acquire_slot
    lambda_svc._release_execution_slot = release_slot
    lambda_svc.acquire_worker = runtime.acquire_worker = acquire_worker


def _retire_idle(runtime: Any, *, keep: int) -> None:
    """End the longest idle processes until no more than `keep` are left, or none is idle."""
    with runtime._lock:
        alive = [(worker.last_used, key, worker) for key, pool in runtime._workers.items() for worker in pool]
        idle = sorted((item for item in alive if not item[2].in_use), key=lambda item: item[0])
        retired = idle[: max(0, len(alive) - keep)]
        for _, key, worker in retired:
            runtime._workers[key].remove(worker)
    runtime.kill_workers([worker for _, _, worker in retired])


class _HandlerFailedError(Exception):
    """Carries an execution error past the emulator's blanket `except` in its callback pattern."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _patch_stepfunctions() -> None:
    stepfunctions = _module("ministack.services.stepfunctions")

    _anchor(stepfunctions._invoke_with_callback, "CALLBACK")
    _anchor(stepfunctions._call_lambda, "CALL")
    _anchor(stepfunctions._invoke_resource_with_timeout, "TIMEOUT")
    stock_callback, stock_call = stepfunctions._invoke_with_callback, stepfunctions._call_lambda
    under_token: contextvars.ContextVar[bool] = contextvars.ContextVar("under_token", default=False)

    def call_lambda(reference: Any, event: Any) -> Any:
        try:
            return stock_call(reference, event)
        except stepfunctions._ExecutionError as error:
            if under_token.get():
                raise _HandlerFailedError(error) from error
            raise

    def invoke_with_callback(resource: Any, data: Any, token: str, state: Any) -> Any:
        mark = under_token.set(True)
        try:
            return stock_callback(resource, data, token, state)
        except _HandlerFailedError as failed:
            stepfunctions._task_tokens.pop(token, None)
            raise failed.error from None
        finally:
            under_token.reset(mark)

    def invoke_with_timeout(resource: Any, data: Any, timeout: float) -> Any:
        clock, done = QueueClock(), Future[Any]()

        def run() -> None:
            queue_clock.set(clock)
            try:
                done.set_result(stepfunctions._invoke_resource(resource, data))
            except Exception as error:
                done.set_exception(error)

        threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()
        start = time.monotonic()
        while not done.done():
            now = time.monotonic()
            left = timeout - (now - start - clock.waited_s(now))
            if left <= 0:
                raise stepfunctions._ExecutionError("States.Timeout", f"Task timed out after {timeout} seconds")
            _wait(done, left)
        return done.result()

    stepfunctions._call_lambda = call_lambda
    stepfunctions._invoke_with_callback = invoke_with_callback
    stepfunctions._invoke_resource_with_timeout = invoke_with_timeout


def _patch_distributed_map() -> None:
    stepfunctions, s3 = _module("ministack.services.stepfunctions"), _module("ministack.services.s3")
    _anchor(stepfunctions._run_distributed_map, "MAP")
    _anchor(stepfunctions._parse_reader_items, "READER")
    _anchor(s3._get_object_data, "OBJECT")
    stepfunctions._run_distributed_map = with_jsonata(stepfunctions, s3)


def _patch_policies() -> None:
    evaluator = _module("ministack.core.iam_evaluator")
    _anchor(evaluator._resolve_condition_key, "CONDITION")
    stock_resolve = evaluator._resolve_condition_key

    def resolve(key: str, context: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else stock_resolve(key, context)

    evaluator._resolve_condition_key = resolve


def _patch_gateway() -> None:
    gateway = _module("ministack.services.apigateway_v1")
    _anchor(gateway._build_lambda_event_v1, "EVENT")
    _anchor(gateway._extract_lambda_ref_from_integration_uri, "URI")
    stock_event, stock_reference = gateway._build_lambda_event_v1, gateway._extract_lambda_ref_from_integration_uri

    def build_event(*args: Any, **kwargs: Any) -> Any:
        event = stock_event(*args, **kwargs)
        if through_front_door.get():
            host = {key.lower(): value for key, value in event["headers"].items()}.get("host", "")
            event["requestContext"] |= {"path": event["path"], "domainName": host, "domainPrefix": host.split(".")[0]}
        return event

    def reference(uri: str) -> Any:
        return stock_reference(uri.replace("/response-streaming-invocations", "/invocations"))

    gateway._build_lambda_event_v1 = build_event
    gateway._extract_lambda_ref_from_integration_uri = reference


def _wait(future: Future[Any], seconds: float) -> None:
    over = threading.Event()
    future.add_done_callback(lambda _: over.set())
    over.wait(seconds)


def _replace_once(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise UnknownEmulatorError(f"the emulator's worker script lacks the expected lines: {old.splitlines()[0]!r}")
    return text.replace(old, new)


def digest_of(function: Callable[..., Any]) -> str:
    return hashlib.sha256(textwrap.dedent(inspect.getsource(function)).encode()).hexdigest()[:12]


def _anchor(function: Callable[..., Any], name: str) -> None:
    if digest_of(function) != _ANCHORS[name]:
        raise UnknownEmulatorError(
            f"{function.__module__}.{function.__qualname__} is not the code these patches know (ministack {MINISTACK})"
        )


_ANCHORS: Final = {
    "DRAIN": "6e91475bafda",
    "WARM": "62b9218bef5b",
    "EXECUTE": "3ceb16d6480a",
    "SLOT": "ed3b38149e2e",
    "SPAWN": "7261057c952d",
    "WORKER": "5017d144adb5",
    "CALLBACK": "bbb38423156a",
    "CALL": "25830369b126",
    "CONDITION": "15e26964cd38",
    "MAP": "2b77d3ec0e04",
    "OBJECT": "8735d1f5e331",
    "READER": "80954bad8e26",
    "EVENT": "c7ac97b91f6e",
    "TIMEOUT": "faeed0bf70d5",
    "URI": "d12e9aabed55",
}
