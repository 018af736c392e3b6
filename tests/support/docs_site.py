"""The guide as a site, in `site/`: `python -m tests.support.docs_site`. Its pages are the files of the repository, in
their folders, so that each link leads where it does there."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

ROOT = Path(__file__).parents[2]
SITE = ROOT / "site"
BUILDER = ROOT / ".venv-docs" / "bin" / "zensical"
CLIENTS = ["clients/python/README.md", "clients/typescript/README.md", "clients/conformance/README.md"]

# With it, a page that is opened as a file can search. The builder would load it from a server.
SHIM = ROOT / "clients" / "typescript" / "node_modules" / "iframe-worker" / "shim" / "index.js"
SHIM_ADDRESS = "https://unpkg.com/iframe-worker/shim"

_link = re.compile(r"(\]\()([^):#\s]+)((?:#[^)\s]*)?\))")
_row = re.compile(r"^\| \[([^\]]+)\]\(([^)#]+)\)", re.MULTILINE)


def stage(folder: Path) -> list[Path]:
    """Copies every page to this folder, and what pages link to. Returns the pages, by their paths in the repository."""
    waiting = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
    pages: list[Path] = []
    while waiting:
        page = waiting.pop()
        path = page.relative_to(ROOT)
        if path in pages:
            continue
        pages.append(path)
        text = page.read_text(encoding="utf-8")
        for target in _targets(page, text):
            if target.suffix == ".md":
                waiting.append(target)
            elif target.is_dir():
                _list(target, folder)
            else:
                _copy(target, folder)
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_link.sub(partial(_to_list, page), text), encoding="utf-8")
    return sorted(pages)


def _targets(page: Path, text: str) -> Iterator[Path]:
    for _, path, _ in _link.findall(text):
        yield (page.parent / path).resolve()


def _copy(file: Path, folder: Path) -> None:
    place = folder / file.relative_to(ROOT)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, place)


def _list(directory: Path, folder: Path) -> None:
    """A page that lists a directory's files."""
    files = sorted(each for each in directory.glob("*") if each.is_file())
    for each in files:
        if each.suffix != ".md":
            _copy(each, folder)
    place = folder / directory.relative_to(ROOT) / "README.md"
    place.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"- [{_title(each)}]({each.name})" for each in files if each.name != "README.md"]
    place.write_text("\n".join([f"# {directory.name.capitalize()}", "", *lines, ""]), encoding="utf-8")


def _title(file: Path) -> str:
    if file.suffix != ".md":
        return file.name
    return file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def _to_list(page: Path, match: re.Match[str]) -> str:
    before, path, after = match.groups()
    return f"{before}{path}/README.md{after}" if (page.parent / path).is_dir() else match[0]


def navigation() -> list[object]:
    """The sections of docs/README.md with their pages, in their order."""
    _, *sections = re.split(r"^## ", (ROOT / "docs" / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    named: list[object] = [{"Start": "README.md"}, {"The guide": "docs/README.md"}]
    for section in sections:
        heading = section.partition("\n")[0]
        named.append({heading: [{title: _page(path)} for title, path in _row.findall(section)]})
    named.append({"Clients": [{_title(ROOT / path): path} for path in CLIENTS]})
    return [*named, {"Changelog": "CHANGELOG.md"}]


def _page(path: str) -> str:
    target = (ROOT / "docs" / path).resolve()
    return str((target / "README.md" if target.is_dir() else target).relative_to(ROOT))


def configuration() -> str:
    """What the builder is told. Nothing comes from the internet, and pages work as files."""
    dark = {"icon": "lucide/sun", "name": "Dark"}
    light = {"icon": "lucide/moon", "name": "Light"}
    theme = {
        "font": False,
        "features": ["navigation.sections", "navigation.footer", "search.highlight", "content.code.copy", "toc.follow"],
        "palette": [
            {"media": "(prefers-color-scheme: light)", "scheme": "default", "toggle": light},
            {"media": "(prefers-color-scheme: dark)", "scheme": "slate", "toggle": dark},
        ],
    }
    project = {
        "site_name": "Guildhall",
        "docs_dir": "pages",
        "site_dir": "site",
        "use_directory_urls": False,
        "nav": navigation(),
        "theme": theme,
        "plugins": {"offline": {}, "search": {}},
    }
    return msgspec.toml.encode({"project": project}).decode()


class _Links(HTMLParser):
    """Where a page leads, and the places in it to which others can lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.foreign: list[str] = []
        self.anchors = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            if name not in ("src", "href") or value is None:
                continue
            if not urlsplit(value).netloc:
                self.links.append(value)
            elif tag != "a":
                self.foreign.append(value)  # it would be loaded


def broken(site: Path) -> list[str]:
    """Links of built pages that lead nowhere, and what they would load from elsewhere."""
    files = [file for file in site.glob("**/*.html") if file.name != "404.html"]  # whose links begin at the root
    pages = {file: _Links(file.read_text(encoding="utf-8")) for file in files}
    return [
        f"{file.relative_to(site)}: {link}"
        for file, page in pages.items()
        for link in page.foreign + [link for link in page.links if not _leads_somewhere(link, file, pages)]
    ]


def _leads_somewhere(link: str, file: Path, pages: dict[Path, _Links]) -> bool:
    address = urlsplit(link)
    if address.scheme:
        return address.scheme in ("data", "mailto")
    target = (file.parent / unquote(address.path)).resolve() if address.path else file
    target = target / "index.html" if target.is_dir() else target
    if target in pages:
        return unquote(address.fragment) in pages[target].anchors
    return target.is_file()


def bring_shim(site: Path) -> None:
    """Puts the shim beside the pages."""
    shutil.copy(SHIM, site / "assets" / "iframe-worker.js")
    for file in site.glob("**/*.html"):
        up = "../" * (len(file.relative_to(site).parts) - 1)
        text = file.read_text(encoding="utf-8").replace(SHIM_ADDRESS, f"{up}assets/iframe-worker.js")
        file.write_text(text, encoding="utf-8")


def main() -> int:
    """Builds the site. 1 if the builder warns of anything, or a link leads nowhere."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        stage(folder / "pages")
        (folder / "zensical.toml").write_text(configuration(), encoding="utf-8")
        built = subprocess.run([BUILDER, "build", "--strict"], cwd=folder, check=False)
        bring_shim(folder / "site")
        faults = broken(folder / "site")
        print(*faults, sep="\n")
        if built.returncode or faults:
            return 1
        shutil.rmtree(SITE, ignore_errors=True)
        shutil.copytree(folder / "site", SITE)
    print(f"The site is in {SITE}: open {SITE / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
