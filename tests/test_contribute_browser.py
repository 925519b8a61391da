"""The page Contribute in a real browser: a case in two clicks, undo in one, by keyboard, on a phone, without fault."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

from mskgraph.curation import Journal
from tests.app_process import RunningApp
from tests.conftest import DESKTOP, NewPage, StartApp
from tests.test_browser import PHONE, axe_faults, main_of, settled, tab_to, whole

pytestmark = pytest.mark.usefixtures("seed")

SOURCE = "MSK Ultrasound cases file 12-2017"


@pytest.fixture(scope="module")
def own_app(start_app: StartApp, seed: object) -> RunningApp:
    """A program of its own, since its knowledge changes."""
    return start_app(ontology=seed)


def open_page(page: Page, app: RunningApp, do: str = "") -> None:
    page.goto(f"{app.url}/contribute{f'?do={do}' if do else ''}")
    whole(page)


def button(page: Page, name: str) -> Locator:
    return main_of(page).get_by_role("button", name=name, exact=True)


def pick(page: Page, label: str, text: str) -> None:
    """Choose an entry in a box by typing."""
    box = page.get_by_role("combobox", name=label, exact=True)
    option = page.get_by_role("option", name=text, exact=True).first
    for _ in range(5):  # a run of the script that ends just now closes the list
        box.focus()
        box.fill(text)
        with suppress(TimeoutError):
            option.wait_for(timeout=5_000)
            break
    option.wait_for()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    settled(page)


def fill(page: Page, title: str) -> None:
    """Type a case; no click."""
    page.get_by_role("textbox", name="Title", exact=True).fill(title)
    page.get_by_role("textbox", name="Description, in your own words").fill("Elongated calcifications in a row.")
    pick(page, "Source", SOURCE)
    pick(page, "Finding 1", "soft tissue calcification")
    pick(page, "How it looks 1 (optional)", "rice-grain")
    pick(page, "Stated diagnosis (optional)", "cysticercosis")


def cases(page: Page, app: RunningApp) -> str:
    page.goto(f"{app.url}/cases")
    whole(page)
    return main_of(page).inner_text()


def test_a_case_takes_two_clicks_beside_typing_and_one_to_take_back(page: Page, own_app: RunningApp) -> None:
    open_page(page, own_app)
    fill(page, "Rice grains of the calf")
    button(page, "Check").click()
    expect(page.get_by_text("Nothing is wrong with it.")).to_be_visible()
    expect(page.get_by_text("Rice grains of the calf is a case of cysticercosis.")).to_be_visible()
    expect(page.get_by_text("Nothing changes among the first 10 candidates")).to_be_visible()
    button(page, "Publish").click()
    expect(page.get_by_text(re.compile(r"^Published as change \d+\."))).to_be_visible()
    expect(page.get_by_role("textbox", name="Title", exact=True)).to_have_value("")
    page.get_by_role("link", name="Open Rice grains of the calf").click()
    expect(page.get_by_role("heading", name="Rice grains of the calf")).to_be_visible()
    whole(page)
    page.go_back()
    whole(page)
    button(page, "Undo").click()
    expect(page.get_by_text("is taken back by change")).to_be_visible()
    expect(page.get_by_role("textbox", name="Title", exact=True)).to_have_value("Rice grains of the calf")
    assert "Rice grains of the calf" not in cases(page, own_app)


def test_the_keyboard_alone_adds_a_case_and_takes_it_back(page: Page, own_app: RunningApp) -> None:
    open_page(page, own_app)
    for number, text in enumerate(["Rice grains of the arm", "Elongated calcifications in a row."]):
        kind = "textarea" if number else "input"
        tab_to(page, page.locator(f"{kind}[aria-label^={'Description' if number else 'Title'}]"), 30)
        page.keyboard.type(text)
    for label, text in (("Source", SOURCE), ("Finding 1", "soft tissue calcification")):
        tab_to(page, page.get_by_role("combobox", name=label, exact=True), 6)
        page.keyboard.type(text)
        page.get_by_role("option", name=text, exact=True).first.wait_for()
        page.keyboard.press("Enter")
        settled(page)
    tab_to(page, button(page, "Publish"), 30)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Published as change")).to_be_visible()
    settled(page)
    tab_to(page, button(page, "Undo"), 6)
    page.keyboard.press("Enter")
    expect(page.get_by_text("is taken back by change")).to_be_visible()


def test_clicking_twice_publishes_once(page: Page, own_app: RunningApp) -> None:
    before = len(Journal(own_app.home / "journal.sqlite").changes())
    open_page(page, own_app)
    fill(page, "Rice grains of the foot")
    button(page, "Publish").dblclick()
    expect(page.get_by_text("Published as change")).to_be_visible()
    settled(page)
    expect(page.get_by_text("Published as change")).to_be_visible()
    assert len(Journal(own_app.home / "journal.sqlite").changes()) == before + 1
    button(page, "Undo").click()
    expect(page.get_by_text("is taken back by change")).to_be_visible()


def test_what_is_wrong_is_marked_at_its_field_and_goes_when_put_right(page: Page, own_app: RunningApp) -> None:
    open_page(page, own_app)
    button(page, "Publish").click()
    expect(page.get_by_text("Not yet: 4 things are to be put right, marked in the form.")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="Give the case a title.")).to_be_visible()
    page.get_by_role("textbox", name="Title", exact=True).fill("A title")
    page.keyboard.press("Tab")
    expect(page.get_by_role("alert").filter(has_text="Give the case a title.")).to_have_count(0)
    expect(page.get_by_text("Not yet: 3 things")).to_be_visible()


def test_a_claim_shows_what_it_moves_before_it_is_published(page: Page, own_app: RunningApp) -> None:
    open_page(page, own_app, "claim")
    pick(page, "Diagnosis", "tendinopathy")
    pick(page, "Feature that goes with it", "tendon tear (finding)")
    page.get_by_text("n of m", exact=True).click()
    settled(page)
    page.get_by_role("spinbutton", name="n", exact=True).fill("5")
    page.get_by_role("spinbutton", name="of m", exact=True).fill("4")
    page.get_by_role("textbox", name="As the source words it").fill("5 of 40")
    pick(page, "Source", SOURCE)
    pick(page, "Confidence", "low")
    pick(page, "How you know the source", "checked")
    button(page, "Check").click()
    expect(page.get_by_role("alert").filter(has_text="This is more than the whole.")).to_be_visible()
    page.get_by_role("spinbutton", name="of m", exact=True).fill("40")
    page.keyboard.press("Tab")
    settled(page)
    button(page, "Check").click()
    expect(page.get_by_text("These change:")).to_be_visible()
    expect(page.get_by_role("table")).to_contain_text("none → 1")
    button(page, "Publish").click()
    expect(page.get_by_text("Published as change")).to_be_visible()
    button(page, "Undo").click()
    expect(page.get_by_text("is taken back by change")).to_be_visible()


def test_a_file_of_turtle_is_kept_over_a_look_at_another_page(page: Page, own_app: RunningApp) -> None:
    turtle = "@prefix msk: <https://w3id.org/mskgraph/> . <https://w3id.org/mskgraph/pain> a msk:Context, msk:Case ."
    open_page(page, own_app, "turtle")
    file = {"name": "wrong.ttl", "mimeType": "text/turtle", "buffer": turtle.encode()}
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    expect(page.get_by_text("is part of your change")).to_be_visible()
    page.get_by_role("link", name="Model").first.click()
    expect(page.get_by_role("heading", name="Model", exact=True)).to_be_visible()
    whole(page)
    page.get_by_role("link", name="Contribute").first.click()
    expect(page.get_by_role("heading", name="Contribute", exact=True)).to_be_visible()
    whole(page)
    page.get_by_text("Add Turtle", exact=True).click()
    expect(page.get_by_text("wrong.ttl")).to_be_visible()
    button(page, "Publish").click()
    expect(page.get_by_text("A concept states exactly one class.")).to_be_visible()
    button(page, "Leave the file out").click()
    expect(page.get_by_text("wrong.ttl")).to_have_count(0)


def synonym(page: Page, app: RunningApp, text: str) -> None:
    """Type Turtle that adds a synonym."""
    open_page(page, app, "turtle")
    box = page.get_by_role("textbox", name="Turtle", exact=True)
    expect(box).to_have_value("")  # what others type is not seen
    prefixes = "@prefix msk: <https://w3id.org/mskgraph/> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> ."
    box.fill(f'{prefixes}\nmsk:pain skos:altLabel "{text}"@en .')


def test_a_change_published_in_another_window_is_told(page_factory: NewPage, own_app: RunningApp) -> None:
    one, other = page_factory(), page_factory()
    synonym(one, own_app, "hurting")
    button(one, "Check").click()
    expect(one.get_by_text("Nothing is wrong with it.")).to_be_visible()
    settled(one)
    synonym(other, own_app, "aching all over")
    button(other, "Publish").click()
    expect(other.get_by_text("Published as change")).to_be_visible()
    button(one, "Publish").click()
    expect(one.get_by_text("Somebody has changed the knowledge")).to_be_visible()
    button(one, "Check again").click()
    expect(one.get_by_text("Nothing is wrong with it.")).to_be_visible()
    settled(one)
    button(one, "Publish").click()
    expect(one.get_by_text("Published as change")).to_be_visible()
    one.goto(f"{own_app.url}/concepts?c=pain")
    whole(one)
    expect(main_of(one)).to_contain_text("hurting")
    expect(main_of(one)).to_contain_text("aching all over")
    open_page(one, own_app, "history")
    one.get_by_role("button", name=re.compile(r"^Undo \d+$")).first.click()
    expect(one.get_by_text("is taken back by change")).to_be_visible()


def test_the_template_of_a_table_goes_in_as_it_came_out(page: Page, own_app: RunningApp, tmp_path: Path) -> None:
    open_page(page, own_app, "table")
    with page.expect_download() as download:
        button(page, "Template as XLSX").click()
    file = tmp_path / "cases.xlsx"
    download.value.save_as(file)
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("is part of your change")).to_be_visible()
    settled(page)
    button(page, "Check").click()
    expect(page.get_by_text("Nothing is wrong with it.")).to_be_visible()
    expect(page.get_by_text("This is the example of the template.").first).to_be_visible()
    button(page, "Publish").click()
    expect(page.get_by_text("Published as change")).to_be_visible()
    button(page, "Undo").click()
    expect(page.get_by_text("is taken back by change")).to_be_visible()


def test_a_row_that_is_wrong_is_named(page: Page, own_app: RunningApp) -> None:
    open_page(page, own_app, "table")
    content = b"title,description,source,finding\nA,B,seed,soft tissue calcificaton\n"
    page.locator("input[type=file]").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": content})
    expect(page.get_by_text("is part of your change")).to_be_visible()
    settled(page)
    button(page, "Publish").click()
    expect(page.get_by_text("Row 2, finding")).to_be_visible()


def test_a_concept_is_edited_from_its_own_page_and_the_edit_taken_back(page: Page, own_app: RunningApp) -> None:
    page.goto(f"{own_app.url}/concepts?c=phlebolith")
    whole(page)
    main_of(page).get_by_role("link", name="Edit", exact=True).click()
    definition = page.get_by_role("textbox", name="Definition")
    expect(definition).not_to_have_value("")
    before = definition.input_value()
    definition.fill("A stone in a vein.")
    page.keyboard.press("Tab")
    settled(page)
    button(page, "Publish").click()
    expect(page.get_by_text("Published as change")).to_be_visible()
    page.goto(f"{own_app.url}/concepts?c=phlebolith")
    whole(page)
    expect(main_of(page)).to_contain_text("A stone in a vein.")
    page.goto(f"{own_app.url}/contribute?do=history")
    whole(page)
    page.get_by_role("button", name=re.compile(r"^Undo \d+$")).first.click()
    expect(page.get_by_text("is taken back by change")).to_be_visible()
    page.goto(f"{own_app.url}/concepts?c=phlebolith")
    whole(page)
    expect(main_of(page)).to_contain_text(before)


def test_an_edit_goes_on_from_what_another_window_published(page_factory: NewPage, own_app: RunningApp) -> None:
    one, other = page_factory(), page_factory()
    for page, text in ((one, "Mine."), (other, "Theirs.")):
        open_page(page, own_app, "edit&node=phlebolith")
        page.get_by_role("textbox", name="Definition").fill(text)
        page.keyboard.press("Tab")
        settled(page)
    other.get_by_role("textbox", name="Synonyms").fill("stone of a vein")
    button(other, "Publish").click()
    expect(other.get_by_text("Published as change")).to_be_visible()
    button(one, "Publish").click()
    expect(one.get_by_text("Look at it, and go on from there.")).to_be_visible()
    settled(one)
    assert axe_faults(one, "light") == []
    button(one, "Go on from what is there now").click()
    expect(one.get_by_text('to "Theirs.". What is here takes its place.')).to_be_visible()
    expect(one.get_by_role("textbox", name="Definition")).to_have_value("Mine.")
    expect(one.get_by_role("textbox", name="Synonyms")).to_have_value("stone of a vein")
    settled(one)
    button(one, "Publish").click()
    expect(one.get_by_text("Published as change")).to_be_visible()
    open_page(one, own_app, "history")
    for _ in range(2):
        one.get_by_role("button", name=re.compile(r"^Undo \d+$")).first.click()
        expect(one.get_by_text("is taken back by change")).to_be_visible()
        settled(one)


def test_a_proposal_is_seen_as_unreviewed_and_accepted(page: Page, own_app: RunningApp) -> None:
    open_page(page, own_app)
    fill(page, "Rice grains of the neck")
    button(page, "Propose").click()
    expect(page.get_by_text("Proposed as number")).to_be_visible()
    button(page, "Open the proposals").click()
    expect(page.get_by_text("waiting for a decision")).to_be_visible()
    assert "do=review" in page.url
    assert "unreviewed" in cases(page, own_app)
    main_of(page).get_by_role("link", name="Open the proposals").first.click()
    page.get_by_role("button", name=re.compile(r"^What \d+ would do$")).click()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible()
    settled(page)
    assert axe_faults(page, "light") == []
    accept = page.get_by_role("button", name=re.compile(r"^Accept \d+$"))
    expect(accept).to_be_visible()
    settled(page)
    accept.click()
    expect(page.get_by_text("is accepted as change")).to_be_visible()
    assert "unreviewed" not in cases(page, own_app)
    expect(main_of(page)).to_contain_text("Rice grains of the neck")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize(
    "do", ["case", "claim", "concept", "triple", "table", "turtle", "edit&node=cysticercosis", "review", "history"]
)
def test_axe_finds_no_fault_in_light_and_dark(
    page_factory: NewPage, own_app: RunningApp, do: str, size: tuple[int, int]
) -> None:
    page = page_factory(viewport=size, color_scheme="light")
    open_page(page, own_app, do)
    if do == "claim":
        page.get_by_text("percent, from to").click()
        expect(page.get_by_role("textbox", name="As the source words it")).to_be_visible()
        settled(page)
        pick(page, "Source", "A new source")
    if do not in ("review", "history"):
        button(page, "Publish").click()
        expect(page.get_by_role("alert").first).to_be_visible()
        settled(page)
    faults = axe_faults(page, "light")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(500)  # colours change in a transition
    faults += axe_faults(page, "dark")
    # Streamlit's own box for files to be dropped on, which nothing here can alter; the button in it is sound.
    assert [
        one for one in faults if not ("presentation-role-conflict" in one and "stFileUploaderDropzone" in one)
    ] == []
    width = page.evaluate(
        "[document.documentElement.scrollWidth, document.querySelector('[data-testid=stMain]').scrollWidth]"
    )
    assert max(width) <= size[0]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_all_that_is_chosen_in_a_box_is_in_sight(
    page_factory: NewPage, own_app: RunningApp, size: tuple[int, int]
) -> None:
    page = page_factory(viewport=size)
    open_page(page, own_app)
    for look in ("rice-grain", "aligned with the muscle fibres", "cortex and medullary space"):
        pick(page, "How it looks 1 (optional)", look)
    boxes = page.get_by_test_id("stMultiSelectTagsContainer")
    assert boxes.get_by_role("button", name=re.compile("^Remove")).count() == 3
    assert boxes.evaluate_all("boxes => boxes.filter(each => each.scrollWidth > each.clientWidth).length") == 0


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_fault_in_a_preview(page_factory: NewPage, own_app: RunningApp, size: tuple[int, int]) -> None:
    page = page_factory(viewport=size, color_scheme="dark")
    open_page(page, own_app)
    fill(page, "Rice grains of the hand")
    button(page, "Check").click()
    expect(page.get_by_role("heading", name="What it says")).to_be_visible()
    settled(page)
    assert axe_faults(page, "dark") == []
