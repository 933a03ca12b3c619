"""Holds our KHQR strings and drawings against PyPI packages: `python check.py cemacqr < cases.jsonl`, or
`konthaina-khqr`, or `zxing-cpp` for the drawings.

A case is one line of JSON: {"qr", "valid", "svg", "terminal", "fields": {name: text or null}}. Prints one line for
each disagreement and exits 1 if there was one.
"""

import io
import json
import signal
import sys

# Where the fields stand: (template, tag).
PLACES = {
    "pointofInitiationMethod": (None, "01"),
    "unionPayMerchant": (None, "15"),
    "merchantCategoryCode": (None, "52"),
    "transactionCurrency": (None, "53"),
    "transactionAmount": (None, "54"),
    "countryCode": (None, "58"),
    "merchantName": (None, "59"),
    "merchantCity": (None, "60"),
    "billNumber": ("62", "01"),
    "mobileNumber": ("62", "02"),
    "storeLabel": ("62", "03"),
    "terminalLabel": ("62", "07"),
    "purposeOfTransaction": ("62", "08"),
    "languagePreference": ("64", "00"),
    "merchantNameAlternateLanguage": ("64", "01"),
    "merchantCityAlternateLanguage": ("64", "02"),
    "creationTimestamp": ("99", "00"),
    "expirationTimestamp": ("99", "01"),
}


def cemacqr(case):
    """An EMVCo checker that knows nothing of KHQR. It counts code points, so it misreads what lies beyond the
    basic plane, where the format counts two."""
    from cemacqr import parse_payload, validate
    from cemacqr.errors import CemacQrError

    astral = any(ord(character) > 0xFFFF for character in case["qr"])
    try:
        payload = parse_payload(case["qr"])
        accepted = validate(payload).ok
    except CemacQrError as error:
        payload, accepted = None, False
        reason = str(error)
    else:
        reason = str(validate(payload))
    if accepted != (case["valid"] and not astral):
        yield f"says {reason}"
    if not accepted:
        return
    for name, text in case["fields"].items():
        if name in PLACES:
            template, tag = PLACES[name]
            found = payload.get_in(template, tag) if template else payload.get(tag)
            if found != text:
                yield f"reads {name} as {found!r}, not {text!r}"


def konthaina(case):
    """Checks the CRC, over code points instead of UTF-8: right for ASCII only."""
    from konthaina_khqr import decode, verify

    ascii_only = case["qr"].isascii()
    if verify(case["qr"]) != (case["valid"] and ascii_only):
        yield f"says {verify(case['qr'])}"
    if case["valid"] and ascii_only:
        found = decode(case["qr"])
        for name, text in case["fields"].items():
            template, tag = PLACES.get(name, ("", ""))
            if template is None and found.get(tag) != text:
                yield f"reads {name} as {found.get(tag)!r}, not {text!r}"


def zxing(case):
    """Looks at the drawings, as pictures."""
    import resvg_py
    from PIL import Image

    picture = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=case["svg"], width=480))))
    yield from scan("SVG", picture, case)
    yield from scan("terminal drawing", blocks(case["terminal"]), case)


def scan(what, picture, case):
    import zxingcpp

    found = zxingcpp.read_barcodes(picture.convert("L"))
    texts = [code.text for code in found]
    if texts != [case["qr"]]:
        yield f"reads the {what} as {texts}"


def blocks(drawing):
    """The half-block characters as a picture, three pixels a module."""
    from PIL import Image

    lines = [line.removeprefix("\x1b[30;107m").removesuffix("\x1b[0m") for line in drawing.splitlines()]
    picture = Image.new("L", (len(lines[0]), 2 * len(lines)), 255)
    for row, line in enumerate(lines):
        for column, cell in enumerate(line):
            for half, inked in enumerate((cell in "█▀", cell in "█▄")):
                if inked:
                    picture.putpixel((column, 2 * row + half), 0)
    return picture.resize((picture.width * 3, picture.height * 3), Image.Resampling.NEAREST)


def main():
    name = sys.argv[1]
    check = {"cemacqr": cemacqr, "konthaina-khqr": konthaina, "zxing-cpp": zxing}[name]
    signal.alarm(120)
    cases = [json.loads(line) for line in sys.stdin.buffer.read().decode().split("\n") if line]
    disagreements = 0
    for case in cases:
        found = list(check(case))
        disagreements += bool(found)
        for line in found:
            print(f"{name}: {case['qr']}\n  {line}")
    print(f"{name}: {len(cases)} strings, {disagreements} disagreements")
    sys.exit(0 if cases and not disagreements else 1)


main()
