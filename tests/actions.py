"""A runner for one workflow of GitHub's, its steps in bash; a `gh` that keeps pull requests."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from layering import environment, git

GH = """\
#!{python}
import json
import sys
from pathlib import Path

folder = Path({folder!r})
requests = json.loads((folder / "requests.json").read_text())
arguments = sys.argv[1:]


def option(name):
    return arguments[arguments.index(name) + 1]


match arguments:
    case ["auth", "setup-git"]:
        pass
    case ["api", "--jq", filtered, path]:
        assert path.startswith("repos/acme/shop/pulls?head=acme:"), path
        head, state = path.partition("head=acme:")[2].split("&state=")
        for request in requests:
            if request["head"] == head and state in ("all", request["state"]):
                print(request[filtered.removeprefix(".[].")])
    case ["api", "--silent", "--method", "PATCH", path, "-f", title, "-F", body]:
        [request] = [r for r in requests if path == f"repos/acme/shop/pulls/{{r['number']}}"]
        request["title"] = title.removeprefix("title=")
        request["body"] = Path(body.removeprefix("body=@")).read_text()
    case ["pr", "create", *_]:
        if "--draft" in arguments and (folder / "no-drafts").exists():
            sys.exit("Draft pull requests are not supported in this repository.")
        requests.append({{
            "number": len(requests) + 1,
            "state": "open",
            "draft": "--draft" in arguments,
            "base": option("--base"),
            "head": option("--head"),
            "title": option("--title"),
            "body": Path(option("--body-file")).read_text(),
        }})
    case ["pr", "ready", number, *undo]:
        [request] = [request for request in requests if request["number"] == int(number)]
        request["draft"] = undo == ["--undo"]
    case _:
        sys.exit(f"an unknown call: {{arguments}}")
(folder / "requests.json").write_text(json.dumps(requests))
"""
# Copier is installed here; what else is asked of uvx is not.
UVX = '#!/bin/sh\n[ "$1" = copier ] && exec "$@"\necho "no $1 here" >&2; exit 1\n'


class Outcome(NamedTuple):
    """What became of the steps, by their names, and all that they printed."""

    steps: dict[str, str]
    printed: str


class GitHub:
    """A repository `acme/shop` whose origin is a folder."""

    def __init__(self, folder: Path, origin: Path, database_url: str) -> None:
        self._folder, self._origin, self._database_url = folder, origin, database_url
        (folder / "bin").mkdir(parents=True)
        (folder / "requests.json").write_text("[]")
        for name, script in (
            ("gh", GH.format(python=sys.executable, folder=str(folder))),
            ("uvx", UVX),
        ):
            (folder / "bin" / name).write_text(script)
            (folder / "bin" / name).chmod(0o755)

    @property
    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self._folder / "requests.json").read_text())
        return found

    @requests.setter
    def requests(self, requests: list[dict[str, Any]]) -> None:
        (self._folder / "requests.json").write_text(json.dumps(requests))

    def forbid_drafts(self) -> None:
        (self._folder / "no-drafts").touch()

    def run(self, path: str, *, skip: Collection[str] = ()) -> Outcome:
        """Run the workflow's one job in a new clone, except for the steps with these ids."""
        number = len([*self._folder.glob("run*")])
        run = self._folder / f"run{number}"
        clone, temporary = run / "clone", run / "temporary"
        temporary.mkdir(parents=True)
        git(self._folder, "clone", "--quiet", str(self._origin), str(clone))
        workflow = yaml.safe_load((clone / path).read_text("utf-8"))
        [job] = workflow["jobs"].values()
        job["steps"] = [step for step in job["steps"] if step.get("id") not in skip]
        outcomes = {f"steps.{name}.outcome": "skipped" for name in skip}
        return _Run(job, clone, temporary, self._variables(temporary), outcomes).outcome()

    def _variables(self, temporary: Path) -> dict[str, str]:
        names = ("GITHUB_OUTPUT", "GITHUB_PATH")
        for name in names:
            (temporary / name).touch()
        return environment() | {
            **{name: str(temporary / name) for name in names},
            "PATH": f"{self._folder / 'bin'}{os.pathsep}{environment()['PATH']}",
            "RUNNER_TEMP": str(temporary),
            "GITHUB_REF_NAME": "main",
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_REPOSITORY_OWNER": "acme",
            "GITHUB_RUN_ID": "7",
            "GITHUB_SERVER_URL": "https://github.example",
            "DATABASE_OF_THE_SERVICE": self._database_url,
        }


class _Run:
    def __init__(
        self,
        job: dict[str, Any],
        clone: Path,
        temporary: Path,
        variables: dict[str, str],
        outcomes: dict[str, str],
    ) -> None:
        self._job, self._temporary, self._variables = job, temporary, variables
        self._folder = clone / job["defaults"]["run"].get("working-directory", ".")
        self._outcomes = outcomes
        self._outputs: dict[str, str] = {}
        assert job["defaults"]["run"]["shell"] == "bash"

    def outcome(self) -> Outcome:
        printed, steps = "", {}
        for step in self._job["steps"]:
            # uv is here already.
            if "uses" in step or step["name"] == "Install uv" or not self._is_wanted(step):
                continue
            done = self._bash(step)
            printed += done.stdout
            steps[step["name"]] = "failure" if done.returncode else "success"
            if "id" in step:
                self._outcomes[f"steps.{step['id']}.outcome"] = steps[step["name"]]
            if done.returncode and not step.get("continue-on-error"):
                break
            lines = (self._temporary / "GITHUB_OUTPUT").read_text().splitlines()
            self._outputs |= {
                f"steps.look.outputs.{name}": value
                for name, value in (line.split("=", 1) for line in lines)
            }
        return Outcome(steps, printed)

    def _is_wanted(self, step: dict[str, Any]) -> bool:
        return "if" not in step or bool(self._outputs.get(step["if"]))

    def _value(self, text: str) -> str:
        known = {"github.token": "a-token"} | self._outcomes | self._outputs
        return re.sub(r"\${{ (.*?) }}", lambda match: known[match[1]], text)

    def _bash(self, step: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        assert "${{" not in step["run"], "text that others wrote would be run"
        variables = self._variables | self._job["env"]
        variables |= {name: self._value(value) for name, value in step.get("env", {}).items()}
        if "TEST_DATABASE_URL" in variables:
            variables["TEST_DATABASE_URL"] = self._variables["DATABASE_OF_THE_SERVICE"]
        added = (self._temporary / "GITHUB_PATH").read_text().split()
        variables["PATH"] = os.pathsep.join([*added[::-1], variables["PATH"]])
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self._folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
