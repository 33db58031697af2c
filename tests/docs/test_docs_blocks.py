"""What the pages show works: their commands run, their Python runs, their YAML is right.

The blocks of a page are taken in order, in a folder of its own that holds ``configs``. A comment
above a block says what else to do with it: ``not run: why``; ``serially: why``, without MPI;
``file: name`` writes it to a file; ``output`` holds lines that the command before it must print.
"""

import re
import shutil
import subprocess
import sysconfig

import docs_pages
import pytest
import yaml

from cosim.cli.checking import checked

TIMEOUT_S = 150
LANGUAGES = {"bash", "python", "yaml", "toml", "text", "{toctree}"}
NOTES = {"not run", "serially", "file", "output"}
PATIENT = pytest.mark.timeout(TIMEOUT_S + 30)


class Reader:
    """Does what a page says."""

    def __init__(self, page, folder, monkeypatch):
        self.page, self.folder = page, folder
        self.names = {"__name__": "__main__"}
        self.output = ""
        self.ran = 0
        #: Scenarios of which no command has said yet that they are good.
        self.unchecked = {}
        shutil.copytree(docs_pages.ROOT / "configs", folder / "configs", dirs_exist_ok=True)
        monkeypatch.chdir(folder)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setenv("PYTHONPATH", str(folder))
        programs = sysconfig.get_path("scripts")
        monkeypatch.setenv("PATH", programs, prepend=":")

    def read(self):
        for block in docs_pages.blocks(self.page):
            where = f"{docs_pages.name_of(self.page)}:{block.line}"
            assert block.language in LANGUAGES, where
            assert not block.note or block.note.split(":")[0] in NOTES, where
            name = block.noted("file")
            if block.noted("not run") is not None:
                assert block.noted("not run"), f"{where}: say why it is not run"
            elif name == "pyproject.toml":
                self._install(block.text)
            elif name is not None:
                (self.folder / name).write_text(block.text)
                if block.language == "yaml":
                    self.unchecked[name] = where
            elif block.note.startswith("output"):
                for line in filter(None, map(str.strip, block.text.splitlines())):
                    assert line in self.output, f"{where}: '{line}' is not in\n{self.output}"
            elif block.language == "bash":
                text = block.text
                if block.noted("serially"):
                    text = text.replace("cosim run", "cosim run --serial")
                self._shell(text, where)
            elif block.language == "python":
                self._python(block, where)
        assert not self.unchecked, "nobody checks these scenarios"

    def _shell(self, text, where):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text], capture_output=True, text=True,
            errors="replace", timeout=TIMEOUT_S, check=False, stdin=subprocess.DEVNULL,
        )
        self.output = done.stdout + done.stderr
        assert done.returncode == 0, f"{where}\n{self.output}"
        self.ran += 1
        for name in re.findall(r"cosim (?:check|plan|run) (\S+)", text):
            self.unchecked.pop(name, None)

    def _python(self, block, where):
        code = "\n" * block.line + block.text
        exec(compile(code, docs_pages.name_of(self.page), "exec"), self.names)
        self.ran += 1

    def _install(self, text):
        """Register the entry points of a ``pyproject.toml`` as installing it would."""
        points = re.sub(r'\[project\.entry-points\."([^"]+)"\]', r"[\1]", text).replace('"', "")
        folder = self.folder / "example-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: example\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(points)


@pytest.fixture(scope="session")
def after_readme(tmp_path_factory):
    """The folder in which somebody has followed the README."""
    folder = tmp_path_factory.mktemp("readme")
    with pytest.MonkeyPatch.context() as monkeypatch:
        reader = Reader(docs_pages.README, folder, monkeypatch)
        reader.read()
    assert reader.ran >= 2
    return folder


@PATIENT
def test_the_readme_works(after_readme):
    assert (after_readme / "runs" / "my_brain" / "summary.png").exists()


@PATIENT
def test_the_page_on_results_works(after_readme, tmp_path, monkeypatch, capsys):
    shutil.copytree(after_readme / "runs", tmp_path / "runs")
    Reader(docs_pages.DOCS / "results.md", tmp_path, monkeypatch).read()
    assert capsys.readouterr().out.startswith("complete\n")


OTHERS = [p for p in docs_pages.PAGES if p.name not in ("README.md", "results.md")]


@PATIENT
@pytest.mark.parametrize("page", OTHERS, ids=docs_pages.name_of)
def test_the_page_works(page, tmp_path, monkeypatch):
    Reader(page, tmp_path, monkeypatch).read()


def fragments(page):
    return [b for b in docs_pages.blocks(page) if b.language == "yaml" and not b.note]


@pytest.mark.parametrize("page", docs_pages.PAGES, ids=docs_pages.name_of)
def test_yaml_can_be_read(page):
    for block in fragments(page) if page != docs_pages.README else ():
        assert isinstance(yaml.safe_load(block.text), dict), f"{block.page}:{block.line}"


def test_the_readme_explains_its_scenario_as_it_is():
    text = "".join(block.text for block in fragments(docs_pages.README))
    demo = (docs_pages.ROOT / "configs" / "demo.yaml").read_text()
    assert yaml.safe_load(text) == yaml.safe_load(demo)


def test_the_scenario_of_the_readme_is_good():
    _, plan = checked(docs_pages.ROOT / "configs" / "demo.yaml", {}, None)
    assert not plan.cuts
