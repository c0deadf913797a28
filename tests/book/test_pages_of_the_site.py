"""What the site's extensions make of styles and texts, without a site."""

import sys

from docutils import nodes
from docutils.utils import new_document

from tests import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import marl_css
import marl_meta


def test_rules_of_classes_that_no_page_has_are_taken_off() -> None:
    used = marl_css.words('<p class="kept sd-card" id=x>word</p>')
    for before, after in (
        (".kept{a:b}.gone{a:b}", ".kept{a:b}"),
        (".gone .kept, p.kept > a{a:b}", " p.kept > a{a:b}"),
        ("@media print{.gone{a:b}}@media all{.kept{a:b}}", "@media all{.kept{a:b}}"),
        (".kept:not(.gone){a:b}", ".kept:not(.gone){a:b}"),  # holds of every .kept
        (".kept:is(.gone, .other){a:b}", ".kept:is(.gone, .other){a:b}"),  # kept to be safe
        ('@import "a.css";.kept::before{content:"}.gone{"}', '@import "a.css";.kept::before'
         '{content:"}.gone{"}'),
        ("/* .x */html[data-theme=dark]{a:b}", "html[data-theme=dark]{a:b}"),
        ("@font-face{font-family:Font Awesome}.fa-kept,.fas{a:b}.fade,.kept{a:b}", ".kept{a:b}"),
    ):  # fmt: skip
        assert marl_css.prune(before, used) == after


def page(*paragraphs: str) -> nodes.document:
    document = new_document("page")
    document += [nodes.paragraph("", text) for text in paragraphs]
    return document


def test_a_description_is_the_first_sentences_that_fit() -> None:
    said = "Agents that see nothing learn to talk. "
    assert marl_meta.description(page("Short.", said + said.strip())) == (said + said).strip()
    many = marl_meta.description(page(said * 20))
    assert many.endswith(".") and 100 < len(many) <= marl_meta.LONGEST
    endless = marl_meta.description(page("word " * 100))
    assert endless.endswith("word…") and len(endless) <= marl_meta.LONGEST
    assert marl_meta.description(page("Short.")) == marl_meta.description(None) == ""


def test_a_picture_shows_the_title_it_is_given() -> None:
    one, two = (marl_meta.draw_picture(title, "below") for title in ("One title", "Another title"))
    assert one.size == marl_meta.SIZE and one.tobytes() != two.tobytes()
    dark = [sum(px < 100 for px in image.convert("L").getdata()) for image in (one, two)]
    assert 0 < dark[0] < dark[1]  # the longer title takes more ink
