"""Hooks of the site: pages that stand at the top of the project, and pictures for both of the site's palettes."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES: Mapping[str, str] = {
    "README.md": "index.md",
    "RESULTS.md": "results.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages from the top of the project, and what each is called in the site."""

_LINK = re.compile(r"\]\((?P<up>(?:\.\./)*)(?P<page>README|RESULTS|CONTRIBUTING|CHANGELOG)\.md")
_LIGHT = re.compile(r"!\[(?P<words>[^\]]*)\]\((?P<place>[^)]*)-light\.png\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from the top of the project, and the app's icon."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text("utf-8").replace("](docs/", "](")
        files.append(File.generated(config, page, content=text))
    icon = ROOT / "dashboard" / "static" / "icon.svg"
    files.append(File.generated(config, "assets/icon.svg", abs_src_path=str(icon)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links to those pages there, and show a light picture's dark twin where the palette is dark."""
    up = "../" * page.file.src_uri.count("/")
    markdown = _LINK.sub(lambda link: f"]({up}{PAGES[link['page'] + '.md']}", markdown)
    return _LIGHT.sub(lambda found: _for("light", found) + _for("dark", found), markdown)


def _for(scheme: str, picture: re.Match) -> str:
    """A picture that is there where the palette is of that scheme, cut below: a page of the app is tall."""
    return f"![{picture['words']}]({picture['place']}-{scheme}.png#only-{scheme}){{ .cut }}"
