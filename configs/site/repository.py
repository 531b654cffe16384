"""The site stands by itself: the log, which pages link to, is one of them, and nothing is fetched from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
BEYOND = ("LOG.md",)
ELSEWHERE = '<script src="https://unpkg.com/iframe-worker/shim"></script>'
"""What the theme would fetch so that search works from disk; `docs/search_from_disk.js` does that."""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that lie at the root."""
    for name in BEYOND:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Turn links to them, `../LOG.md` from the pages and `docs/...` back from there, into links of the site."""
    if page.file.src_uri in BEYOND:
        return re.sub(r"\]\(docs/", "](", markdown)
    return re.sub(rf"\]\(\.\./({'|'.join(map(re.escape, BEYOND))})", r"](\1", markdown)


def on_post_page(output: str, *, page: Page, **_: Any) -> str:
    """Give a page that fetches nothing."""
    url = page.file.url
    ours = "../" * url.count("/") + "search_from_disk.js"
    return output.replace(ELSEWHERE, f'<script src="{ours}"></script>')


def on_post_template(output_content: str, **_: Any) -> str:
    """Give the page for what is not there, which fetches nothing either; it is never opened from disk."""
    return output_content.replace(ELSEWHERE, "")
