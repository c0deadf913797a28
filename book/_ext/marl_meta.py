"""What machines read of a page: its title, a description, a picture, the map of the site."""

import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import matplotlib
from docutils import nodes
from PIL import Image, ImageDraw, ImageFont
from sphinx.application import Sphinx

from marl_edu.envs.drawing.junction import AGENT_COLOURS

LONGEST = 160  # letters of a description
SIZE = (1200, 630)  # of a picture, as others show it beside a link
PICTURES = "_static/pictures"
NOT_FOUND = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="icon" href="data:image/svg+xml,{icon}">
<title>Page not found — {title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font: 1.1rem/1.5 sans-serif; }}
:is(input, button) {{ font: inherit; padding: 0.3rem 0.6rem; }}
li {{ margin: 0.4rem 0; }}
</style>
</head>
<body><main>
<h1>There is no such page</h1>
<p>It may have moved. Search the book, or choose a chapter.</p>
<form action="{root}search.html"><input type="search" name="q" aria-label="Search the book">
<button>Search</button></form>
<ul>
{chapters}
</ul>
</main></body>
</html>
"""


def plain(title: str) -> str:
    """A title without its tags."""
    return html.unescape(re.sub(r"<[^>]+>", "", title)).strip()


def description(doctree: nodes.document | None) -> str:
    """The first sentences of a page, as many as fit."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        text = plain(" ".join(paragraph.astext().split()))
        if len(text) < 40:
            continue
        if len(text) <= LONGEST:
            return text
        sentences = re.findall(r".+?[.:?!](?= |$)", text[:LONGEST])
        return "".join(sentences).strip() or text[: LONGEST - 1].rsplit(" ", 1)[0] + "…"
    return ""


def describe(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """The title, once; what a link to the page is shown with; one viewport."""
    site, title = app.config.html_title, plain(context.get("title") or "")
    first = page == app.config.root_doc
    context["marl_title"] = html.escape(site if first else f"{title} — {site}")
    # The template names the viewport itself.
    tags = re.sub(r'<meta[^>]*name="viewport"[^>]*>\s*', "", context.get("metatags") or "")
    context["metatags"] = tags
    said = description(doctree if isinstance(doctree, nodes.document) else None)
    said = said or f"{title}: a page of “{site}”, an interactive book."
    base, name = app.config.html_baseurl, page if page in app.env.found_docs else "book/index"
    shown = {
        "og:type": "website" if first else "article",
        "og:site_name": site,
        "og:title": site if first else title,
        "og:description": said,
        "og:url": urljoin(base, f"{page}.html"),
        "og:image": urljoin(base, f"{PICTURES}/{name.replace('/', '-')}.png"),
        "og:image:width": SIZE[0],
        "og:image:height": SIZE[1],
        "og:image:alt": f"The title of the page: {site if first else title}",
    }
    lines = [f'<meta name="description" content="{html.escape(said)}">']
    lines += [f'<meta property="{k}" content="{html.escape(str(v))}">' for k, v in shown.items()]
    lines.append('<meta name="twitter:card" content="summary_large_image">')
    static = context["pathto"]("_static", 1)
    lines += [
        f'<link rel="apple-touch-icon" href="{static}/icon-180.png">',
        f'<link rel="manifest" href="{context["pathto"]("manifest.webmanifest", 1)}">',
        '<meta name="theme-color" content="#ffffff" media="(prefers-color-scheme: light)">',
        '<meta name="theme-color" content="#14181e" media="(prefers-color-scheme: dark)">',
    ]
    context["marl_head"] = "\n    ".join(lines)


def draw_picture(title: str, below: str) -> Image.Image:
    """A page's title beside three agents that hear each other."""
    image = Image.new("RGB", SIZE, "#ffffff")
    draw = ImageDraw.Draw(image)
    fonts = Path(matplotlib.get_data_path(), "fonts", "ttf")
    large = ImageFont.truetype(fonts / "DejaVuSans-Bold.ttf", 64)
    small = ImageFont.truetype(fonts / "DejaVuSans.ttf", 32)
    agents(draw, 120, 120, 1.0)
    lines, y = [""], 250
    for word in title.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, large) <= SIZE[0] - 160:
            lines[-1] = longer
        else:
            lines.append(word)
    for line in lines[:3]:
        draw.text((80, y), line, "#1f2328", large)
        y += 82
    draw.text((80, 540), below, "#545b64", small)
    return image


def agents(draw: ImageDraw.ImageDraw, x: float, y: float, scale: float) -> None:
    """The site's mark around (x, y): three discs, and arrows from one to the next."""
    places = [(x - 55 * scale, y - 40 * scale), (x + 55 * scale, y - 40 * scale),
              (x, y + 50 * scale)]  # fmt: skip
    for k, place in enumerate(places):
        draw.line([place, places[(k + 1) % 3]], "#8a9099", round(8 * scale))
    radius = 28 * scale
    for (u, v), (colour, _) in zip(places, AGENT_COLOURS, strict=False):
        draw.ellipse((u - radius, v - radius, u + radius, v + radius), colour)


def write_pictures(app: Sphinx, exception: Exception | None) -> None:
    """A picture per page, and the icons."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir, PICTURES)
    folder.mkdir(parents=True, exist_ok=True)
    for page, node in app.env.titles.items():
        first = page == app.config.root_doc
        title = app.config.html_title if first else node.astext()
        below = "multi-agent reinforcement learning, interactive"
        image = draw_picture(title, below if first else app.config.html_title)
        image.quantize(64).save(folder / f"{page.replace('/', '-')}.png", optimize=True)
    for side in (180, 192, 512):
        icon = Image.new("RGB", (side, side), "#ffffff")
        agents(ImageDraw.Draw(icon), side / 2, side / 2, side / 220)
        icon.save(folder.parent / f"icon-{side}.png", optimize=True)


def write_map(app: Sphinx, exception: Exception | None) -> None:
    """sitemap.xml, and the page that a server shows where there is none."""
    if exception is not None or app.builder.format != "html":
        return
    base = app.config.html_baseurl
    pages = sorted(app.env.found_docs)
    places = "\n".join(f"<url><loc>{urljoin(base, page)}.html</loc></url>" for page in pages)
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    text = (
        f'<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="{space}">\n{places}\n</urlset>\n'
    )
    Path(app.outdir, "sitemap.xml").write_text(text, encoding="utf-8")
    root = urlsplit(base).path or "/"
    chapters = [app.config.root_doc, "book/tour"]
    chapters += [page for page in reading_order(app) if page.startswith("book/chapters/")]
    chapters.append("book/interview/index")
    items = [
        f'<li><a href="{root}{page}.html">{html.escape(app.env.titles[page].astext())}</a></li>'
        for page in chapters
    ]
    text = NOT_FOUND.format(
        language=app.config.language,
        title=html.escape(app.config.html_title),
        root=root,
        icon=quote((Path(app.srcdir) / app.config.html_favicon).read_text("utf-8")),
        chapters="\n".join(items),
    )
    Path(app.outdir, "404.html").write_text(text, encoding="utf-8")


def reading_order(app: Sphinx) -> list[str]:
    """The pages as the table of contents has them."""
    order = [app.config.root_doc]
    for page in order:
        order += [one for one in app.env.toctree_includes.get(page, []) if one not in order]
    return order


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the above."""
    app.connect("html-page-context", describe, priority=600)
    app.connect("build-finished", write_pictures)
    app.connect("build-finished", write_map)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
