"""The pages build without a warning, and what they link to exists."""

import subprocess
import sys

import docs_pages
import pytest


def test_the_pages_build_without_warnings(tmp_path):
    for package in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(package, reason=f"optional: {package} is not installed")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    folders = [str(docs_pages.DOCS), str(tmp_path / "html"), "-d", str(tmp_path / "trees")]
    done = subprocess.run(
        [*command, *folders], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip(), done.stderr
    for page in docs_pages.DOCS.rglob("*.md"):
        built = (tmp_path / "html" / page.relative_to(docs_pages.DOCS)).with_suffix(".html")
        assert built.exists() or "_build" in page.parts, page


@pytest.mark.parametrize("page", docs_pages.PAGES, ids=docs_pages.name_of)
def test_links_lead_somewhere(page):
    for target in docs_pages.links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{docs_pages.name_of(page)} links to {target}"
        if anchor:
            assert anchor in docs_pages.anchors(file), f"{docs_pages.name_of(page)}: {target}"


def test_every_decision_is_listed_once_and_in_order():
    folder = docs_pages.DOCS / "decisions"
    listed = [
        line for line in (folder / "index.md").read_text().splitlines() if line[:4].isdigit()
    ]
    assert listed == sorted(p.stem for p in folder.glob("[0-9]*.md"))
    assert [name[:4] for name in listed] == [f"{i + 1:04}" for i in range(len(listed))]
    for name in listed:
        title = (folder / f"{name}.md").read_text().splitlines()[0]
        assert title.startswith(f"# {name[:4]} ")


def test_every_page_is_in_the_table_of_contents():
    index = (docs_pages.DOCS / "index.md").read_text()
    for page in docs_pages.DOCS.glob("*.md"):
        assert page.stem == "index" or f"\n{page.stem}\n" in index, page.name


def test_the_picture_is_small():
    assert (docs_pages.DOCS / "images" / "demo.png").stat().st_size < 300_000
