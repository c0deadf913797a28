"""What a page breaks of the rules of accessibility."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# What a theme or a width decides; the rest is in the markup, which neither changes.
LOOKS = ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"]
# Elements that keep the rules are named by one example: all of them take most of the time. Of words
# that look alike (thousands on a page of code) the contrast of the first stands for the others'.
RUN = """async ([without, only]) => {
    const alike = "data-looks-alike";
    const seen = new Set();
    const backgrounds = new Map([[null, ""]]);
    const background = (element) => {
        if (!backgrounds.has(element)) {
            const { backgroundColor, backgroundImage, opacity } = getComputedStyle(element);
            const own = [backgroundColor, backgroundImage, opacity].join();
            backgrounds.set(element, own + ";" + background(element.parentElement));
        }
        return backgrounds.get(element);
    };
    for (const element of document.body.querySelectorAll("*")) {
        if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) {
            continue;
        }
        const { color, fontSize, fontWeight, textShadow, display } = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        const shown = box.width > 0 && box.bottom > 0 && element.checkVisibility();
        const disabled = Boolean(element.closest("[disabled], [aria-disabled], [inert]"));
        const look = [color, fontSize, fontWeight, textShadow, display, shown, disabled];
        const looks = look.join() + background(element);
        element.toggleAttribute(alike, seen.has(looks));
        seen.add(looks);
    }
    const selector = `*:not([${alike}])`;
    axe.configure({ rules: [{ id: "color-contrast", selector }] });
    const context = without ? { exclude: [[without]] } : document;
    const brief = { resultTypes: ["violations"] };
    const { violations } = await axe.run(context, only ? { ...brief, runOnly: only } : brief);
    for (const element of document.querySelectorAll(`[${alike}]`)) element.removeAttribute(alike);
    return violations;
}"""


def violations(page: Page, without: str = "", only: list[str] | None = None) -> list[str]:
    """What axe objects to, one line per element.

    `without` is a part that it leaves out, `only` are the rules to try, all by default.
    """
    page.evaluate(Axe().axe_script)
    return [
        f"{rule['id']}: {node['target']}: {node['html'][:200]}"
        for rule in page.evaluate(RUN, [without, only])
        for node in rule["nodes"]
    ]
