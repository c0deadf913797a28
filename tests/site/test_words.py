"""A page is short: how many words a reader sees when it opens, beside what they were."""

import json
import sys
from pathlib import Path

import pytest

from tests import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import visible_words

RECORD = json.loads(visible_words.BEFORE.read_text(encoding="utf-8"))
BEFORE, SINCE, MOST = RECORD["words"], RECORD["since"], RECORD["most"]


def seen(body: str) -> list[str]:
    article = visible_words.Article()
    article.feed(f'<p>no</p><article class="bd-article">{body}</article><p>no</p>')
    return article.words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<p>Three <b>words</b> here.</p><hr>and <br> two", 5),
        ('<p>A formula <span class="math">\\(x + y\\)</span>.</p>', 3),
        ("<details><summary>Read on</summary><p>folded</p></details> open", 3),
        ("<details open><summary>Read on</summary><p>unfolded</p></details>", 3),
        ('<details class="hide"><summary>Show code</summary><pre>x</pre></details>', 0),
        ("<pre>a = b</pre><svg><text>drawn</text></svg><script>x</script>", 0),
        ('<div class="exercise admonition"><p>Write it.</p></div>', 0),
        ('<section id="exercises"><h2>Exercises</h2><p>Some.</p></section>after', 1),
        ('<section aria-label="A curve"><p>x</p></section>after', 1),
        ("<table><tr><th>a</th><td>1</td></tr></table><p hidden>b</p>", 2),
    ],
)
def test_what_is_visible_on_opening_is_counted(body: str, words: int) -> None:
    assert len(seen(body)) == words


@pytest.mark.site
@pytest.mark.parametrize("page", BEFORE)
def test_a_page_has_two_thirds_of_the_words_it_had(html: Path, page: str) -> None:
    now = visible_words.counts(html)
    assert now[page] <= visible_words.MOST * BEFORE[page], visible_words.table(html)


@pytest.mark.site
@pytest.mark.parametrize("page", SINCE)
def test_a_chapter_added_since_has_no_more_words_than_the_longest_before(
    html: Path, page: str
) -> None:
    assert visible_words.counts(html)[page] <= MOST


@pytest.mark.site
def test_every_chapter_is_in_the_table(html: Path) -> None:
    assert visible_words.counts(html).keys() == {*BEFORE, *SINCE}
