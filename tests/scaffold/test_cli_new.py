"""`ganzoo new`, and what ganzoo makes of a project that was written and installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ganzoo.cli.list import KINDS as LISTED
from ganzoo.cli.main import main
from ganzoo.scaffold.kinds import KINDS
from tests.scaffold.projects import EVERY_KIND, ROOT, installed, run, written

ALL = [word for kind in EVERY_KIND for word in ("--kind", kind)]


def new(*arguments: str) -> tuple[int, str, str]:
    answer = CliRunner().invoke(main, ["new", *arguments])
    return answer.exit_code, answer.stdout, answer.stderr


def test_it_prints_what_it_wrote_and_what_to_do_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, text, errors = new("my-gan")
    assert (status, errors) == (0, "")
    assert (tmp_path / "my-gan" / "my_gan" / "architecture.py").is_file()
    for words in ("my_gan/architecture.py", "cd my-gan", "pip install -e '.[dev]'", "pytest", "ganzoo check my-gan/"):
        assert f"  {words}\n" in text
    assert "ganzoo train --arch my-gan" in text


def test_json_is_one_document(tmp_path: Path) -> None:
    status, text, errors = new("my-gan", *ALL, "--folder", str(tmp_path / "here"), "--author", "Ada", "--json")
    facts = json.loads(text)
    assert (status, errors) == (0, "")
    assert facts["folder"] == str(tmp_path / "here")
    assert facts["package"] == "my_gan"
    assert list(facts["brings"]) == list(EVERY_KIND)
    assert all((tmp_path / "here" / path).is_file() for path in facts["files"])
    assert 'name = "Ada"' in (tmp_path / "here" / "pyproject.toml").read_text()


def test_a_wrong_request_exits_with_2_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (["My-Gan"], ["json"], ["my-gan", "--kind", "network"], ["my-gan", "--summary", ""], []):
        status, text, errors = new(*arguments)
        assert (status, text) == (2, "")
        assert errors
    assert not list(tmp_path.iterdir())
    assert new("my-gan")[0] == 0
    status, _, errors = new("my-gan")
    assert (status, errors) == (
        2,
        "error: my-gan is a folder with files in it, and nothing is overwritten: choose another --folder, or move it away\n",
    )


@pytest.mark.parametrize("arguments", [["--help"], ["new", "--help"], ["new", "json"]], ids=" ".join)
def test_help_and_refusals_import_neither_torch_nor_jinja(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom ganzoo.cli.main import main\n"
        "try:\n    main(sys.argv[1:], prog_name='ganzoo')\n"
        "except SystemExit:\n    print(sorted({'torch', 'jinja2', 'pydantic', 'numpy'} & set(sys.modules)), file=sys.stderr)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert answer.stderr.splitlines()[-1] == "[]"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a project of all kinds is installed."""
    folder = tmp_path_factory.mktemp("installed")
    return installed(written(folder, "my-gan"), folder / "site")


def test_an_installed_project_is_listed_without_problems(site: Path) -> None:
    plugins = json.loads(run("ganzoo", "plugins", "--json", "--strict", cwd=site.parent, path=[site]).stdout)
    (found,) = [plugin for plugin in plugins if plugin["name"] == "my-gan"]
    assert found["distribution"] == "my-gan"
    assert found["problems"] == []
    assert sum(found["brings"].values()) == len(KINDS)


@pytest.mark.parametrize("kind", LISTED)
def test_each_component_is_listed(site: Path, kind: str) -> None:
    rows = json.loads(run("ganzoo", "list", kind, "--family", "my-gan", "--json", cwd=site.parent, path=[site]).stdout)
    (name,) = [name for name, record in KINDS.items() if record.record == LISTED[kind].__name__]
    (found,) = rows
    assert found["id"] == "my-gan/my-gan" + ("" if name == "architecture" else f"-{name}")
    assert found["licence"] == "Apache-2.0"
    assert found["target"] == f"my_gan.{KINDS[name].module}:{KINDS[name].target}"


def test_the_record_has_the_parameters_of_the_networks(site: Path) -> None:
    (record,) = json.loads(run("ganzoo", "list", "--family", "my-gan", "--json", cwd=site.parent, path=[site]).stdout)
    shown = json.loads(run("ganzoo", "show", "my-gan", "--json", cwd=site.parent, path=[site]).stdout)
    assert shown["parameters"] == record["parameters"]


def test_an_installed_name_is_taken(site: Path) -> None:
    answer = run("ganzoo", "new", "my-gan", cwd=site.parent, path=[site])
    assert answer.returncode == 2
    assert "'my-gan' is the architecture my-gan/my-gan of my-gan 0.1.0" in answer.stderr


@pytest.mark.slow
def test_its_components_train_together(site: Path) -> None:
    options = "--data my-gan-data-set --loss my-gan-loss --penalty my-gan-penalty --augment my-gan-augmentation"
    tracker = 'run.trackers=["jsonl", "my-gan-tracker"]'
    answer = run(
        *f"ganzoo train --arch my-gan --images 64 --batch 16 --threads 1 --out run --quiet {options}".split(),
        *("--set", tracker, "--set", "width=4", "--set", "conditional=true", "--set", "penalty.target=0.5"),
        *("--set", "loss.margin=2", "--set", "augment.p=0.2", "--set", "data.options.count=100"),
        cwd=site.parent,
        path=[site],
    )
    assert answer.returncode == 0, answer.stderr
    assert "discriminator.my-gan-penalty" in (site.parent / "run" / "measurements.csv").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [*((kind,) for kind in EVERY_KIND), EVERY_KIND], ids="+".join)
def test_a_projects_own_tests_pass(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    project = written(tmp_path, "my-gan", kinds)
    answer = run("pytest", cwd=project, path=[installed(project, tmp_path / "site")], timeout=600)
    assert answer.returncode == 0, answer.stdout
