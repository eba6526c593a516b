"""The process that is the stack: it starts every part in order, keeps them running, and takes them down.

    python -m infra.local.supervisor --home DIR --run-id ID --options JSON

Started by lifecycle.up in a session of its own. While it lives it holds its home's lock; when it
dies, however it dies, its parts die with it. Never prints: it tells its story in progress.py, its
state in state.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Final

import httpx

from infra.local import environment, ports, processes
from infra.local.assembly import SynthesisError, assembly
from infra.local.children import Child, ChildError
from infra.local.deploy import Assembly, Deployed, DeploymentError, deploy
from infra.local.endpoints import write_endpoints
from infra.local.keys import KeyIssueError, development_key
from infra.local.progress import Progress
from infra.local.reconcile import reconcile
from infra.local.state import Home, Kept, Options, StackRecord

_ANSWER_WITHIN_S: Final = 20.0
_LOAD_WITHIN_S: Final = 900.0
_STOP_WITHIN_S: Final = 10.0
_EMBEDDED: Final = ("mini-fast", "mini", "sketch-fast", "sketch-fine")
"""What the container ships: offered beside models with weights on disk, for they stand in for the others."""
_API_STAGE: Final = "local"
_WATCH_EVERY_S: Final = 0.5
_EXPECTED: Final = (ChildError, SynthesisError, DeploymentError, KeyIssueError, ports.PortTakenError, LookupError)


class _Stop(BaseException):
    """Somebody asked us to end. Not an Exception, so that no library on the way takes it for a failure."""


class WarmError(ChildError):
    """A function does not even start: its code or its imports are broken."""


class Supervisor:
    """One run of one stack, from first step to last."""

    def __init__(self, home: Home, run_id: str, options: Options) -> None:
        self._home = home
        self._options = options
        self._run = home.run_dir(run_id)
        self._kept = Kept(options.state or self._run / "state")
        self._progress = Progress(home.events_path)
        self._record = StackRecord(
            run_id=run_id, pid=os.getpid(), phase="starting", options=options, started_at=time.time()
        )
        self._children: list[Child] = []

    def run(self) -> int:
        """Exit status: 0 when asked to stop, 1 when the stack could not come up."""
        locks = [self._home.hold()]
        if locks[0] is None:
            return 1
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        try:
            (self._run / "tmp").mkdir(parents=True, exist_ok=True)
            self._kept.prepare()
            locks.append(self._kept.hold())
            if locks[1] is None:
                self._progress.error(
                    f"another stack uses the state in {self._kept.root}", hint="take it down, or name another --state"
                )
                return 1
            self._start()
            self._watch()
        except _Stop:
            return 0
        except _EXPECTED as error:
            self._progress.error(str(error), hint=f"see {self._home.logs}")
            return 1
        except Exception as error:
            self._progress.error(f"{type(error).__name__}: {error}", hint=f"see {self._home.logs}/supervisor.log")
            raise
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self._stop_all()
        return 0

    def _start(self) -> None:
        say = self._progress.step
        base = environment.of_run(os.environ, run_id=self._record.run_id, tmp=self._run / "tmp")
        emulator, container = self._emulator(base), self._container(base)
        say("emulator", f"starting the AWS emulator on {emulator.url}")
        emulator.start()
        say("container", f"starting the serving container on {container.url}")
        container.start()
        self._children = [emulator, container]
        self._tell(endpoint_url=emulator.url, container_url=container.url)

        say("synthesize", "synthesizing the CDK app (kept until the source changes)")
        models = tuple(self._options.models)
        log, stage = self._home.logs / "synthesis.log", self._options.stage
        assembled = Assembly(self._options.assembly or assembly(base, log=log, stage=stage, models=models))
        emulator.await_answer(within_s=_ANSWER_WITHIN_S)
        say("deploy", "deploying the template through CloudFormation")
        deployed = self._deploy(emulator.url, assembled)
        self._open_front(emulator, deployed)
        functions = _function_env(environment.Emulator(emulator.url), deployed)
        self._tell(outputs=deployed.outputs, function_env=functions)

        sagemaker = self._sagemaker(base, emulator.url, assembled)
        say("sagemaker", f"starting the SageMaker stand-in on {sagemaker.url}")
        sagemaker.start()
        self._children.append(sagemaker)

        say("warm", "starting every function once, and issuing the development key")
        with ThreadPoolExecutor(1) as aside:
            rooted = environment.of_root(base, endpoint_url=emulator.url) | functions
            issued = aside.submit(development_key, rooted, again=self._kept.facts().get("api_key"))
            self._warm(emulator, deployed)
            key = issued.result()
        sagemaker.await_answer(within_s=_ANSWER_WITHIN_S)
        if models:
            say("weights", f"loading the weights of {', '.join(models)}")
        container.await_answer(within_s=self._patience(container))

        api_url = f"http://127.0.0.1:{self._front_port}"
        self._kept.remember(api_key=key, port=self._port, front_port=self._front_port)
        _control(emulator, "save")
        self._tell(phase="ready", api_url=api_url, api_key=key, ready_ms=self._progress.elapsed_ms())
        self._progress.ready(api_url=api_url, api_key=key, pid=os.getpid(), endpoint_url=emulator.url)
        self._deployed = deployed

    def _deploy(self, endpoint_url: str, assembled: Assembly) -> Deployed:
        aws = environment.Emulator(endpoint_url)
        core = next((name for name in assembled.stacks() if name.endswith("-core")), None)
        if core is None:
            raise DeploymentError(f"{assembled.folder} holds no stack named *-core")
        deployed = deploy(aws, assembled, core)
        if deployed.changed and (dropped := list(reconcile(aws, deployed))):
            self._progress.step("deploy", f"applied {len(dropped)} properties the emulator had dropped")
        return deployed

    def _watch(self) -> None:
        while True:
            time.sleep(_WATCH_EVERY_S)
            for child in self._children:
                if child.revive(lambda message: self._progress.step("watch", message)):
                    self._came_back(child)

    def _came_back(self, child: Child) -> None:
        """A part that was started again is brought to where it was; if it falls again, so will the next try."""
        self._tell()
        try:
            child.await_answer(within_s=self._patience(child))
            if child.name == "emulator":
                self._open_front(child, self._deployed)
                self._warm(child, self._deployed)
        except ChildError as error:
            self._progress.step("watch", str(error))
        else:
            self._progress.step("watch", f"{child.name} is back")

    def _patience(self, child: Child) -> float:
        """Seconds a part may take until it answers: weights on disk are loaded first."""
        return _LOAD_WITHIN_S if child.name == "container" and self._options.models else _ANSWER_WITHIN_S

    def _open_front(self, emulator: Child, deployed: Deployed) -> None:
        _control(emulator, "front", api_id=deployed.outputs["ApiId"], stage=_API_STAGE)

    def _warm(self, emulator: Child, deployed: Deployed) -> None:
        report = _control(emulator, "warm", functions=deployed.functions())
        if broken := {name: answer["error"] for name, answer in report.items() if "error" in answer}:
            raise WarmError("; ".join(f"{name}: {error}" for name, error in broken.items()))

    def _emulator(self, base: dict[str, str]) -> Child:
        facts = self._kept.facts()
        spare = ports.free(3)
        asked = self._options.port
        kept_port, kept_front = facts.get("port"), facts.get("front_port")
        self._port = kept_port if ports.available(kept_port) else spare[0]
        self._front_port = ports.claim(asked) if asked else kept_front if ports.available(kept_front) else spare[1]
        self._sagemaker_port = spare[2]
        url = f"http://127.0.0.1:{self._port}"
        sagemaker_url = f"http://127.0.0.1:{self._sagemaker_port}"
        return Child(
            name="emulator",
            command=_module("infra.local.emulator", "--port", self._port, "--front-port", self._front_port),
            env=environment.of_emulator(base, kept=self._kept, endpoint_url=url, sagemaker_url=sagemaker_url),
            url=url,
            probe="/_presscheck/stats",
            log=self._home.logs / "emulator.log",
            on_parents_death="SIGTERM",  # it saves before it goes, and makes itself go
        )

    def _container(self, base: dict[str, str]) -> Child:
        (port,) = ports.free(1)
        arguments: list[object] = ["--host", "127.0.0.1", "--port", port]
        if self._options.time_scale is not None:
            arguments += ["--time-scale", self._options.time_scale]
        if self._options.models:
            own = [f"{name}={folder}" for name, folder in self._options.models.items()]
            arguments += [word for model in (*_EMBEDDED, *own) for word in ("--model", model)]
        return Child(
            name="container",
            command=_module("infra.inference.container", "serve", *arguments),
            env=base,
            url=f"http://127.0.0.1:{port}",
            probe="/ping",
            log=self._home.logs / "container.log",
        )

    def _sagemaker(self, base: dict[str, str], endpoint_url: str, assembled: Assembly) -> Child:
        table = self._run / "endpoints.json"
        container = next(child for child in self._children if child.name == "container")
        write_endpoints(
            table,
            emulator=environment.Emulator(endpoint_url),
            assembly=assembled,
            container=container.url,
        )
        url = f"http://127.0.0.1:{self._sagemaker_port}"
        self._tell(sagemaker_url=url)
        arguments = ("--port", self._sagemaker_port, "--config", table, "--state", self._kept.sagemaker)
        return Child(
            name="sagemaker",
            command=_module("infra.local.sagemaker", *arguments),
            env=environment.of_root(base, endpoint_url=endpoint_url),
            url=url,
            probe="/_status",
            log=self._home.logs / "sagemaker.log",
        )

    def _stop_all(self) -> None:
        """Graceful for ten seconds, then not. What writes into the emulator ends before the emulator does."""
        if self._children:
            self._tell(phase="stopping")
        until = time.monotonic() + _STOP_WITHIN_S
        for child in self._children[1:]:
            child.ask_to_stop()
        for child in self._children[1:]:
            child.await_end(until=until)
        for child in self._children[:1]:
            child.ask_to_stop()
            child.await_end(until=until)
        processes.end(self._record.run_id)
        self._home.record_path.unlink(missing_ok=True)
        shutil.rmtree(self._run, ignore_errors=True)

    def _tell(self, **changes: object) -> None:
        records = [child.record() for child in self._children]
        self._record = self._record.model_copy(update={**changes, "children": records})
        self._home.write_record(self._record)


def _function_env(aws: environment.Emulator, deployed: Deployed) -> dict[str, str]:
    """The settings every function shares, read from the first one deployed."""
    first = aws.client("lambda").get_function_configuration(FunctionName=deployed.functions()[0])
    return dict(first.get("Environment", {}).get("Variables", {}))


def _control(emulator: Child, what: str, **body: object) -> dict[str, dict[str, str]]:
    answer = httpx.post(f"{emulator.url}/_presscheck/{what}", json=body, timeout=120, trust_env=False)
    answer.raise_for_status()
    result: dict[str, dict[str, str]] = answer.json()
    return result


def _module(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-P", "-m", name, *map(str, arguments)]


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _Stop


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--options", type=Options.model_validate_json, required=True)
    arguments = parser.parse_args()
    return Supervisor(Home(arguments.home), arguments.run_id, arguments.options).run()


if __name__ == "__main__":
    sys.exit(main())
