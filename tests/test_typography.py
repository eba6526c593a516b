"""The typography check on pictures: a customer's text passes when it is there, and only then."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from infra.inference.container import sketch
from shared.errors import ConfigurationError, ImageUnreadable
from shared.models import TextCheck, Verdict
from shared.typography import run_ocr, verify
from shared.typography.page import Page, page

pytestmark = pytest.mark.xdist_group("typography")  # the networks are loaded once, in one worker

needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="needs the tesseract binary, e.g. apt-get install tesseract-ocr"
)


FONTS = Path(sketch.__file__).parents[1] / "fonts"


@cache
def poster(
    *lines: str, size: tuple[int, int] = (512, 512), letters: int = 60, turned: int = 0, font: str | None = None
) -> bytes:
    """`lines` centred one below the other, `letters` px high, turned counter-clockwise by degrees."""
    picture = Image.new("RGB", size, "#f2ead8")
    pen = ImageDraw.Draw(picture)
    face = ImageFont.truetype(FONTS / font, letters) if font else ImageFont.load_default(letters)  # has no accents
    top = size[1] / 2 - letters * 0.75 * (len(lines) - 1)
    for row, line in enumerate(lines):
        pen.text((size[0] / 2, top + row * letters * 1.5), line, font=face, fill="#222", anchor="mm")
    return as_png(picture.rotate(turned, fillcolor="#f2ead8"))


def as_png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def one(image: bytes, expected: str, **options: object) -> TextCheck:
    return verify(image, expected, **options).texts[0]  # type: ignore[arg-type]  # verify's own keywords


def verdicts(image: bytes, expected: Sequence[str]) -> list[Verdict]:
    return [check.verdict for check in verify(image, expected).texts]


SALE = ("SUMMER SALE", "50% off today")
GARBLED = ("WHOLESALE", "$9.99 or 150%", "SUMMER SAEL")

# Tests about one picture stand together: the check remembers the last two it read.


def test_a_text_that_is_there_passes_with_what_was_read_and_where() -> None:
    verification = verify(poster(*SALE), "Summer Sale")

    assert verification.verdict is Verdict.PASS
    check = verification.texts[0]
    assert (check.recognized, check.cer, check.differences) == ("SUMMER SALE", 0.0, ())
    assert check.confidence > 0.9
    assert check.engine == verification.engine == "pp-ocrv6-small"
    x, y, width, height = check.boxes[0]
    assert 0.05 < x < 0.2
    assert 0.3 < y < 0.45
    assert 0.6 < width < 0.9
    assert 0.1 < height < 0.25
    assert verification.artifacts == ()


def test_run_ocr_reads_line_by_line() -> None:
    assert run_ocr(poster(*SALE)) == "SUMMER SALE\n50% off today"


def test_several_texts_must_all_be_there() -> None:
    image = poster(*SALE)

    assert verify(image, ["50% off", "SUMMER SALE", "off today"]).verdict is Verdict.PASS
    verification = verify(image, ["SUMMER SALE", "FREE COFFEE"])
    assert verification.verdict is Verdict.FAIL
    assert [check.expected for check in verification.missing] == ["FREE COFFEE"]
    assert verification.missing[0].recognized == ""
    assert verification.recognized == "SUMMER SALE\n50% off today"


def test_one_edit_is_a_failure() -> None:
    near_misses = ["SUMER SALE", "SUMMMER SALE", "SUMMRE SALE", "SUNMER SALE", "SUMMER SALES", "BIG SUMMER SALE"]

    assert verdicts(poster(*SALE), near_misses) == [Verdict.FAIL] * len(near_misses)


def test_case_counts_only_when_asked() -> None:
    image = poster(*SALE)

    assert one(image, "summer sale").verdict is Verdict.PASS
    assert one(image, "SUMMER SALE", case="exact").verdict is Verdict.PASS
    assert one(image, "Summer Sale", case="exact").verdict is Verdict.FAIL


def test_lettering_outside_the_text_box_does_not_count() -> None:
    image = poster(*SALE)

    assert one(image, "SUMMER SALE", text_box=(0.1, 0.3, 0.8, 0.2)).verdict is Verdict.PASS
    assert one(image, "SUMMER SALE", text_box=(0.1, 0.8, 0.8, 0.1)).verdict is Verdict.FAIL


def test_letters_of_another_alphabet_cannot_be_judged() -> None:
    image = poster(*SALE)

    assert one(image, "летняя распродажа").verdict is Verdict.UNREADABLE
    assert one(image, "SUMMER S\u0410LE").verdict is Verdict.PASS  # a Cyrillic A looks like any other


def test_digits_and_currency_are_exact() -> None:
    image = poster(*GARBLED)

    assert verdicts(image, ["$9.99", "150%"]) == [Verdict.PASS] * 2
    assert verdicts(image, ["9.99", "$999", "$9.98", "50%", "150"]) == [Verdict.FAIL] * 5


def test_a_word_inside_a_longer_one_does_not_count() -> None:
    image = poster(*GARBLED)

    assert verdicts(image, ["SALE", "WHOLE", "SALES"]) == [Verdict.FAIL, Verdict.FAIL, Verdict.FAIL]
    assert verdicts(image, ["WHOLESALE"]) == [Verdict.PASS]


def test_a_failure_says_what_stands_there_instead() -> None:
    check = one(poster(*GARBLED), "SUMMER SALE")

    assert check.verdict is Verdict.FAIL
    assert check.recognized == "SUMMER SAEL"
    assert check.cer == pytest.approx(0.2)
    assert check.differences
    assert check.boxes


def test_a_blank_picture_fails_and_reads_as_nothing() -> None:
    image = poster()

    verification = verify(image, "SALE")

    assert (verification.verdict, verification.recognized) == (Verdict.FAIL, "")
    assert verification.texts[0].cer == 1.0
    assert run_ocr(image) == ""


def looks_taken(image: bytes) -> list[int]:
    return page(image, "ppocr").taken


def test_a_text_that_is_plainly_there_takes_the_coarse_look_alone() -> None:
    image = poster("GRAND OPENING")

    assert one(image, "Grand Opening").verdict is Verdict.PASS
    assert looks_taken(image) == [0]


def test_a_plain_misspelling_takes_two_looks() -> None:
    image = poster("SUMMER SAEL")

    check = one(image, "SUMMER SALE")

    assert (check.verdict, check.recognized) == (Verdict.FAIL, "SUMMER SAEL")
    assert looks_taken(image) == [0, 1]


def test_what_leaves_no_trace_is_not_looked_for_in_a_magnified_picture() -> None:
    image = poster("FREE COFFEE", size=(1024, 1024))

    assert one(image, "SUMMER SALE").verdict is Verdict.FAIL
    assert looks_taken(image) == [0, 1, 3]


def test_a_text_in_doubt_takes_every_look() -> None:
    image = poster("FREE", "COFFEE", size=(1024, 1024))

    assert one(image, "FREE HOT COFFEE").verdict is Verdict.FAIL
    assert looks_taken(image) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("size", "magnifies"),
    [
        pytest.param((1024, 1024), True, id="the second look showed every pixel"),
        pytest.param((2048, 2048), True, id="the third is hardly finer"),
        pytest.param((2048, 1365), False, id="small print may show"),
        pytest.param((300, 300), True, id="a thumbnail"),
    ],
)
def test_only_a_look_without_new_pixels_is_left_out(size: tuple[int, int], magnifies: bool) -> None:
    picture = Page(Image.new("RGB", size), "ppocr")

    assert [picture.only_magnifies(look) for look in picture.looks][2:] == [magnifies, False]


def test_capitals_sharp_s_and_accents_are_one_text_on_a_picture() -> None:
    image = poster("STRASSENFEST", "CAFÉ ZOË", "Größe", letters=54, font="Poppins-Bold.ttf")

    assert verdicts(image, ["Straßenfest", "Café Zoë", "Cafe Zoe", "GRÖSSE"]) == [Verdict.PASS] * 4
    assert verdicts(image, ["Straßenfeste", "Caféa Zoë", "Gröse"]) == [Verdict.FAIL] * 3


@pytest.mark.parametrize("turned", [20, -35, 90, -90, 180])
def test_turned_lettering_is_read(turned: int) -> None:
    image = poster("GRAND", "OPENING", letters=76, turned=turned)

    assert one(image, "Grand Opening").verdict is Verdict.PASS


@cache
def styled(style: str) -> bytes:
    """GRAND OPENING in letters that are not plain ink on paper."""
    font = ImageFont.truetype(FONTS / ("DMSerifDisplay-Regular.ttf" if style == "serif" else "Anton-Regular.ttf"), 84)
    ground = {"neon": "#120824", "faint": "#8a8f96"}.get(style, "#f2ead8")
    picture, centre = Image.new("RGB", (640, 400), ground), (320, 200)
    pen = ImageDraw.Draw(picture)
    if style == "outlined":
        pen.text(centre, "GRAND OPENING", font=font, fill=ground, anchor="mm", stroke_width=3, stroke_fill="#222")
    elif style == "neon":
        pen.text(centre, "GRAND OPENING", font=font, fill="#ff3fb4", anchor="mm", stroke_width=5)
        picture = picture.filter(ImageFilter.GaussianBlur(7))
        ImageDraw.Draw(picture).text(centre, "GRAND OPENING", font=font, fill="#ffe8f6", anchor="mm")
    else:
        pen.text(centre, "GRAND OPENING", font=font, fill="#a3a8ae" if style == "faint" else "#222", anchor="mm")
    return as_png(picture)


@pytest.mark.parametrize("style", ["outlined", "neon", "faint", "serif"])
def test_lettering_of_every_kind_is_read_and_its_misspelling_is_not(style: str) -> None:
    assert verdicts(styled(style), ["Grand Opening", "GRAND OPENIGN"]) == [Verdict.PASS, Verdict.FAIL]


def test_small_print_is_found_on_a_closer_look() -> None:
    image = poster("Terms apply until Sunday", size=(1024, 1024), letters=15)

    assert one(image, "until Sunday").verdict is Verdict.PASS


def test_twelve_megapixels_are_read() -> None:
    picture = Image.new("RGB", (4000, 3000), "white")
    ImageDraw.Draw(picture).text(
        (2000, 1500), "SUMMER SALE", font=ImageFont.load_default(300), fill="navy", anchor="mm"
    )
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG")

    assert one(buffer.getvalue(), "SUMMER SALE").verdict is Verdict.PASS


def test_no_picture_and_no_text_are_errors_and_no_verdict() -> None:
    with pytest.raises(ImageUnreadable):
        verify(b"\x89PNG\r\n\x1a\n", "SALE")
    with pytest.raises(ImageUnreadable):
        run_ocr(b"")
    with pytest.raises(ValueError, match="nothing to verify"):
        verify(poster(), " ")


def test_a_picture_with_nothing_expected_passes() -> None:
    assert verify(poster(), []).verdict is Verdict.PASS


def test_no_heavy_library_is_pulled_in() -> None:
    """The Lambda bundle carries rapidocr for its models only: without OpenCV and its kin."""
    program = (
        "import sys; from shared.typography.recognition import recogniser; recogniser();"
        "print({'rapidocr', 'cv2', 'shapely', 'pytesseract'} & set(sys.modules))"
    )

    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert output.strip() == "set()"


@needs_tesseract
def test_tesseract_reads_whole_words_and_forgives_nothing() -> None:
    image = poster(*SALE)

    verification = verify(image, ["Summer Sale", "SUMMER SALF", "SALES"], engine="tesseract")

    assert [check.verdict for check in verification.texts] == [Verdict.PASS, Verdict.FAIL, Verdict.FAIL]
    assert verification.engine == "tesseract"


def test_tesseract_without_its_binary_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(ConfigurationError, match="tesseract binary"):
        verify(poster("SUMMER SALE"), "SUMMER SALE", engine="tesseract")
