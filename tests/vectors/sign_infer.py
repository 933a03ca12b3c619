#!/usr/bin/env python3
"""Makes fixtures/vectors/sign-infer.json: signed requests after many recipes, none of them made by payon-sim.

Signatures are made with Python's hashlib and hmac, and with OpenSSL through the package `cryptography`. The keys are
those of fixtures/vectors/crypto.json: published test keys, never to be used for anything else.

Each vector has `samples`, from which the recipe is to be inferred, and `held_out`: another request signed in the same
way, which must verify under the inferred recipe. Run it from anywhere: python3 tests/vectors/sign_infer.py
"""

import base64
import hashlib
import hmac
import html
import json
import pathlib
import random
import re
import urllib.parse
from decimal import Decimal

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, utils

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "vectors"
KEYS = json.loads((VECTORS / "crypto.json").read_text())["keys"]
PRIVATE = {
    name: serialization.load_der_private_key(base64.b64decode(key["private_pkcs8_der_base64"]), None)
    for name, key in KEYS.items()
}
SECRET = "s3cr3t-Of-Test-0001"
HEX_SECRET = "00112233445566778899aabbccddeeff"
BASE64_SECRET = "c2VjcmV0LWtleS1vZi10ZXN0cw=="
random.seed(18)

HASHES = {
    "sha1": hashes.SHA1(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "md5": hashes.MD5(),
}


class Raw(str):
    """A JSON number as it is written."""


NULL = Raw("null")


def text_of(value):
    return str(value)


def literal(value):
    return str(value) if isinstance(value, Raw) else json.dumps(value, ensure_ascii=False)


def body_of(members, sign=None, comma=",", colon=":"):
    all_members = members + ([("sign", sign)] if sign is not None else [])
    return "{" + comma.join(json.dumps(n) + colon + literal(v) for n, v in all_members) + "}"


# Request bodies, as the operations have them; each call gives fresh identifiers.
def tx():
    return str(random.randrange(10**12, 10**13))


def refund():
    return [("txId", tx()), ("merchantId", "C0000143"), ("termId", "CT03000003")]


def completion(amount=None):
    cents = random.randrange(100, 99999)
    amount = amount or f"{cents // 100}.{cents % 100:02d}"
    return refund() + [("currency", "usd"), ("amount", amount)]


def number():
    """A completion whose amount is a JSON number that ends with a zero."""
    cents = random.randrange(10, 999) * 10
    return completion(Raw(f"{cents // 100}.{cents % 100:02d}"))


def rich():
    """Blank members, an escape, upper case, other alphabets."""
    return completion(Raw("12.50")) + [
        ("approvalNo", NULL),
        ("Memo", "a b/c&d=é 'x' <~*> ភ្នំពេញ " + tx()),
        ("note", ""),
    ]


def blank():
    return [m for m in rich() if m[0] != "Memo"] + [("memo", "x" + tx())]


def texts():
    return refund() + [("memo", "a b/c&d=e 'x' \"q\" <~*> (y) " + tx())]


def omitted(members):
    return [(n, v) for n, v in members if v not in ("", NULL)]


def kept(members):
    return [(n, "" if v == NULL else v) for n, v in members]


def by_name(members):
    return sorted(members, key=lambda m: m[0].encode())


def pairs(members, separator="&", joiner="="):
    return separator.join(n + joiner + text_of(v) for n, v in members)


def values(members, separator=""):
    return separator.join(text_of(v) for _, v in members)


def listed(*names):
    return lambda members: [(n, dict(members)[n]) for n in names if n in dict(members)]


PAGE = listed("txId", "merchantId", "termId", "currency", "amount")


def renumber(form):
    def change(members):
        return [(n, form(v) if n == "amount" else v) for n, v in members]

    return change


two_decimals = renumber(lambda v: f"{Decimal(v):.2f}")
shortest = renumber(lambda v: str(Decimal(v).normalize()) if "." in v else v)
cents = renumber(lambda v: str(int(Decimal(v) * 100)))
as_float = renumber(lambda v: str(float(v)))


def map_values(change):
    return lambda members: [(n, change(text_of(v))) for n, v in members]


def map_names(change):
    return lambda members: [(change(n), v) for n, v in members]


def lower_escapes(text):
    return re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), text)


quote = lambda text: urllib.parse.quote(text, safe="")
php_form = lambda text: urllib.parse.quote_plus(text).replace("~", "%7E")
java_form = lambda text: urllib.parse.quote_plus(text, safe="*").replace("~", "%7E")
component = lambda text: urllib.parse.quote(text, safe="!'()*")


# Ways to sign.
def rsa(hash_name="sha256", key="merchant-2048", encode=lambda b: base64.b64encode(b).decode()):
    def make(message):
        return encode(PRIVATE[key].sign(message, padding.PKCS1v15(), HASHES[hash_name]))

    return {"key": key, "make": make}


def pss(hash_name="sha256", salt="digest", mask=None, key="merchant-2048"):
    def make(message):
        algorithm = HASHES[hash_name]
        length = {"digest": algorithm.digest_size, "max": padding.PSS.MAX_LENGTH}.get(salt, salt)
        way = padding.PSS(padding.MGF1(HASHES[mask or hash_name]), length)
        return base64.b64encode(PRIVATE[key].sign(message, way, algorithm)).decode()

    return {"key": key, "make": make}


def raw(key="merchant-2048"):
    """The private operation on PKCS#1 padding without a digest identifier (openssl pkeyutl without a digest)."""

    def make(message):
        numbers = PRIVATE[key].private_numbers()
        n, d = numbers.public_numbers.n, numbers.d
        size = (n.bit_length() + 7) // 8
        block = b"\0\1" + b"\xff" * (size - 3 - len(message)) + b"\0" + message
        return base64.b64encode(pow(int.from_bytes(block, "big"), d, n).to_bytes(size, "big")).decode()

    return {"key": key, "make": make}


hexed = lambda b: b.hex()
upper_hexed = lambda b: b.hex().upper()
based = lambda b: base64.b64encode(b).decode()
url_based = lambda b: base64.urlsafe_b64encode(b).decode().rstrip("=")


def mac(hash_name="sha256", encode=hexed, secret=SECRET, key=None):
    def make(message):
        return encode(hmac.new(key or secret.encode(), message, hash_name).digest())

    return {"secret": secret, "make": make}


def digest(hash_name="sha256", encode=hexed, secret=SECRET):
    """A digest alone: the key is in the message."""
    return {"secret": secret, "make": lambda message: encode(hashlib.new(hash_name, message).digest())}


def hash_hex(name, text):
    return hashlib.new(name, text.encode()).hexdigest()


def php(members):
    """As PHP's json_encode writes it: every character beyond ASCII and each slash escaped."""
    return json.dumps(dict(members), separators=(",", ":")).replace("/", "\\/")


MADE = []


def vector(name, way, string, request=completion, count=1, finish=None):
    """`string` gives the signed string of the members, `finish` the body around them."""
    finish = finish or (lambda members, sign: body_of(members, sign))

    def signed():
        members = request()
        message = string(members)
        message = message if isinstance(message, bytes) else message.encode()
        return finish(members, way["make"](message))

    entry = {"name": name}
    entry.update({part: way[part] for part in ("key", "secret") if part in way})
    entry["samples"] = [signed() for _ in range(count)]
    entry["held_out"] = signed()
    MADE.append(entry)


# --- RSA: digests, paddings, encodings
vector("sha1", rsa("sha1"), lambda m: pairs(by_name(m)))
vector("sha224", rsa("sha224"), lambda m: pairs(by_name(m)))
vector("sha384", rsa("sha384"), lambda m: pairs(by_name(m)))
vector("sha512", rsa("sha512"), lambda m: pairs(by_name(m)))
vector("md5", rsa("md5"), lambda m: pairs(by_name(m)))
vector("rsa 1024", rsa(key="merchant-1024"), lambda m: pairs(by_name(m)))
vector("rsa 4096", rsa(key="merchant-4096"), lambda m: pairs(by_name(m)))
vector("pss sha256, salt as long as the digest", pss(), lambda m: pairs(by_name(m)))
vector("pss sha1, salt as long as the digest", pss("sha1"), lambda m: pairs(by_name(m)))
vector("pss sha384", pss("sha384"), lambda m: pairs(by_name(m)))
vector("pss sha512, no salt", pss("sha512", 0), lambda m: values(PAGE(m), "|"))
vector("pss sha256, the longest salt", pss("sha256", "max"), lambda m: pairs(by_name(m)))
vector("pss sha256, mask by sha1 and 20 bytes of salt, Java's default", pss("sha256", 20, "sha1"), lambda m: pairs(by_name(m)))
vector("bare sha256 digest without identifier", raw(), lambda m: hashlib.sha256(pairs(by_name(m)).encode()).digest())
vector("hexadecimal md5 padded as text", raw(), lambda m: hash_hex("md5", pairs(by_name(m))))
vector("the string itself padded", raw(), lambda m: pairs(by_name(m)), refund)
vector("signature in hexadecimal", rsa(encode=hexed), lambda m: pairs(by_name(m)))
vector("signature in upper-case hexadecimal", rsa(encode=upper_hexed), lambda m: pairs(by_name(m)))
vector("signature in base64url", rsa(encode=url_based), lambda m: pairs(by_name(m)))
vector("signature in padded base64url", rsa(encode=lambda b: base64.urlsafe_b64encode(b).decode()), lambda m: pairs(by_name(m)))
vector("signature in base64 without padding", rsa(encode=lambda b: based(b).rstrip("=")), lambda m: pairs(by_name(m)))
vector("signature in base64 of its hexadecimal digits", rsa(encode=lambda b: based(b.hex().encode())), lambda m: pairs(by_name(m)))

# --- orders
vector("order of the body", rsa(), pairs)
vector("order of the body, the last first", rsa(), lambda m: pairs(m[::-1]))
vector("names sorted, the last first", rsa(), lambda m: pairs(by_name(m)[::-1]))
vector("names sorted in any case", rsa(), lambda m: pairs(sorted(omitted(m), key=lambda x: x[0].lower())), rich)
vector("members sorted by value", rsa(), lambda m: pairs(sorted(m, key=lambda x: x[1])))
vector("documented order, body in another", rsa(), lambda m: values(PAGE(m), "|"), lambda: completion()[::-1])
vector("an order of its own", rsa(), lambda m: pairs(listed("amount", "txId", "currency", "termId", "merchantId")(m)))
vector("an order of its own, values alone", mac(), lambda m: values(listed("termId", "amount", "merchantId", "currency", "txId")(m)))
vector(
    "an order of eight members of its own",
    rsa(),
    lambda m: pairs(listed("h", "c", "amount", "txId", "termId", "currency", "merchantId", "b")(m)),
    lambda: completion() + [("b", tx()), ("c", "2"), ("h", "x")],
)

# --- members
vector("documented members alone", rsa(), lambda m: pairs(PAGE(m)), lambda: completion() + [("memo", "x"), ("zone", "7")])
vector("all but one", rsa(), lambda m: pairs(by_name([x for x in m if x[0] != "currency"])))
vector("all but two", rsa(), lambda m: pairs(by_name([x for x in m if x[0] not in ("currency", "merchantId")])))
vector("two members", mac("sha256", based), lambda m: values(listed("txId", "amount")(m), "|"))
vector("one member", rsa(), lambda m: dict(m)["txId"])
vector("sign with an empty value", rsa(), lambda m: pairs(by_name(m + [("sign", "")])))

# --- joins
vector("values joined by nothing", rsa(), lambda m: values(m))
vector("values sorted by name, joined by a bar", rsa(), lambda m: values(by_name(m), "|"))
vector("values, colons", mac(), lambda m: values(PAGE(m), ":"))
vector("values, line feeds", rsa(), lambda m: values(m, "\n"))
vector("values, dashes", rsa("sha512"), lambda m: values(by_name(m), "-"))
vector("values, hashes", rsa(), lambda m: values(m, "#"))
vector("pairs joined by a bar", rsa(), lambda m: pairs(by_name(m), "|"))
vector("pairs joined by a comma", rsa(), lambda m: pairs(by_name(m), ","))
vector("pairs joined by a semicolon", rsa(), lambda m: pairs(by_name(m), ";"))
vector("pairs joined by line feeds", rsa(), lambda m: pairs(by_name(m), "\n"))
vector("pairs, name:value and a bar", rsa(), lambda m: pairs(by_name(m), "|", ":"))
vector("names and values strung together", rsa(), lambda m: pairs(by_name(m), "", ""))
vector("a separator after the last pair", rsa(), lambda m: pairs(by_name(m)) + "&")
vector("a line feed after the string", rsa(), lambda m: pairs(by_name(m)) + "\n")
vector("pairs in braces, as Java prints a map", rsa(), lambda m: "{" + pairs(m, ", ") + "}")
vector("pairs with &amp;", rsa(), lambda m: pairs(by_name(m), "&amp;"))

# --- letter case
vector("names in upper case", rsa(), lambda m: pairs(map_names(str.upper)(by_name(m))))
vector("names in lower case", rsa(), lambda m: pairs(map_names(str.lower)(by_name(m))))
vector("values in upper case", rsa(), lambda m: pairs(map_values(str.upper)(by_name(m))))
vector("the whole string in lower case", rsa(), lambda m: pairs(by_name(m)).lower())
vector("the whole string in upper case", mac("md5", upper_hexed), lambda m: pairs(by_name(m)).upper())

# --- blanks
vector("documented order, blanks kept", rsa(), lambda m: values(kept(m), "|"), lambda: refund() + [("currency", NULL), ("amount", "")])
vector("blanks kept", rsa(), lambda m: pairs(by_name(kept(m))), blank)
vector("null as a word", rsa(), lambda m: pairs(by_name(m)), blank)
vector("null as a word, empty left out", rsa(), lambda m: pairs(by_name([x for x in m if x[1] != ""])), blank)
vector("empty kept, null left out", rsa(), lambda m: pairs(by_name([x for x in m if x[1] != NULL])), blank)

# --- numbers
vector("two decimals", rsa(), lambda m: pairs(by_name(two_decimals(m))), lambda: completion(Raw(str(random.randrange(1, 999)))))
vector("shortest", rsa(), lambda m: pairs(by_name(shortest(m))), number)
vector("cents", rsa(), lambda m: values(PAGE(cents(m)), "|"), number)
vector("cents, hmac", mac(), lambda m: pairs(by_name(cents(m))))
vector("floating point", rsa(), lambda m: pairs(by_name(as_float(m))), lambda: completion(Raw(f"{random.randrange(1, 99)}.00")))

# --- escapes
vector("url-encoded values", rsa(), lambda m: pairs(by_name(map_values(quote)(m))), texts)
vector("url-encoded values, lower-case digits", rsa(), lambda m: pairs(by_name(map_values(lambda v: lower_escapes(quote(v)))(m))), texts)
vector("form-encoded values", rsa(), lambda m: pairs(by_name(map_values(urllib.parse.quote_plus)(m))), texts)
vector("form-encoded values as Java", rsa(), lambda m: pairs(by_name(map_values(java_form)(m))), texts)
vector("form-encoded values as PHP", rsa(), lambda m: pairs(by_name(map_values(php_form)(m))), texts)
vector("url-encoded values as JavaScript", mac(), lambda m: pairs(by_name(map_values(component)(m))), texts)
vector("html-escaped values", rsa(), lambda m: pairs(by_name(map_values(lambda v: html.escape(v))(m))), texts)
vector("html-escaped values as PHP", rsa(), lambda m: pairs(by_name(map_values(lambda v: html.escape(v).replace("&#x27;", "&#039;"))(m))), texts)
vector("values in quotation marks", rsa(), lambda m: ",".join(f"{n}={literal(v)}" for n, v in by_name(m)), texts)
vector("the whole string url-encoded, lower-case, .NET", mac("sha256", upper_hexed), lambda m: lower_escapes(urllib.parse.quote_plus(pairs(by_name(m)))).lower())
vector("the base64 of the string", rsa(), lambda m: base64.b64encode(pairs(by_name(m)).encode()))
vector("utf-16", rsa(), lambda m: pairs(by_name(m)).encode("utf-16-le"))
vector("khmer text", rsa(), lambda m: pairs(by_name(omitted(m))), rich)

# --- bodies
vector("the body without sign", rsa(), body_of)
vector("the body with an empty sign", rsa(), lambda m: body_of(m, ""))
vector("the body with a null sign", rsa(), lambda m: body_of(m, NULL))
vector("the spaced body", mac("sha512", based), lambda m: body_of(m, comma=", ", colon=": "), finish=lambda m, s: body_of(m, s, ", ", ": "))
vector("compact json of a spaced body", rsa(), body_of, finish=lambda m, s: body_of(m, s, ", ", ": "))
vector("sorted json", rsa(), lambda m: body_of(by_name(m)))
vector("sorted json with blanks, as Python", rsa(), lambda m: json.dumps(dict(m), sort_keys=True))
vector("json indented by two", rsa(), lambda m: json.dumps(dict(m), indent=2))
vector("json indented by four", mac(), lambda m: json.dumps(dict(m), indent=4))
vector("json indented by tabs, windows line ends", rsa(), lambda m: json.dumps(dict(m), indent="\t").replace("\n", "\r\n"))
vector("json without blanks, as Jackson's NON_EMPTY", rsa(), lambda m: body_of(omitted(m)), rich)
vector("json as PHP", rsa(), php, lambda: refund() + [("memo", "a/b ភ " + tx())])
vector("json with a line feed after it", rsa(), lambda m: body_of(m) + "\n")

# --- digests of digests
vector("hexadecimal sha256 of the string", rsa(), lambda m: hash_hex("sha256", pairs(by_name(m))))
vector("upper-case md5 of the string", rsa("sha1"), lambda m: hash_hex("md5", pairs(by_name(m))).upper())
vector("digest of the digest", rsa(), lambda m: hashlib.sha256(pairs(by_name(m)).encode()).digest())
vector("base64 of the sha256 of the string", rsa(), lambda m: base64.b64encode(hashlib.sha256(values(PAGE(m), "|").encode()).digest()))
vector("hmac of the hexadecimal digest of the body", mac("sha256", based), lambda m: hash_hex("sha256", body_of(m)))
vector("sha512 of a base64 sha1", rsa("sha512"), lambda m: base64.b64encode(hashlib.sha1(pairs(by_name(m)).encode()).digest()))

# --- shared keys
vector("hmac sha256, base64", mac("sha256", based), lambda m: pairs(by_name(m)))
vector("hmac sha1, hex", mac("sha1"), lambda m: pairs(by_name(m)))
vector("hmac sha512, hex", mac("sha512"), lambda m: values(PAGE(m)))
vector("hmac md5, hex", mac("md5"), lambda m: pairs(by_name(m)))
vector("hmac sha384, base64", mac("sha384", based), lambda m: pairs(by_name(m)))
vector("hmac sha224, base64url", mac("sha224", url_based), lambda m: pairs(by_name(m)))
vector("hmac over the body", mac("sha256", hexed), body_of)
vector("hmac with a key in hexadecimal", mac(secret=HEX_SECRET, key=bytes.fromhex(HEX_SECRET)), lambda m: pairs(by_name(m)))
vector("hmac with a key in base64", mac(secret=BASE64_SECRET, key=base64.b64decode(BASE64_SECRET)), lambda m: pairs(by_name(m)))
vector("hmac, base64 of hexadecimal digits, as PHP", mac("sha256", lambda b: based(b.hex().encode())), lambda m: pairs(by_name(m)))
vector("hmac with a key member in the string", mac(), lambda m: pairs(by_name(m)) + "&key=" + SECRET)
vector("md5 with &key= after, upper case, as WeChat", digest("md5", upper_hexed), lambda m: pairs(by_name(m)) + "&key=" + SECRET)
vector("md5, key after", digest("md5"), lambda m: pairs(by_name(m)) + SECRET)
vector("sha256, key before", digest("sha256"), lambda m: SECRET + pairs(by_name(m)))
vector("sha256, key before and after, names and values strung, as Taobao", digest("sha256", upper_hexed), lambda m: SECRET + pairs(by_name(m), "", "") + SECRET)
vector("sha512, values and key by bars", digest("sha512"), lambda m: values(PAGE(m), "|") + "|" + SECRET)
vector("sha1, key then values", digest("sha1"), lambda m: SECRET + values(m))
vector("sha256, key first of values, colons", digest("sha256", based), lambda m: SECRET + ":" + values(PAGE(m), ":"))
vector("sha256, the key as a member among the others", digest("sha256"), lambda m: pairs(by_name(m + [("key", SECRET)])))
vector("sha256, the secret as a member secretKey among the others", digest("sha256"), lambda m: pairs(by_name(m + [("secretKey", SECRET)])))
vector("md5, key= before", digest("md5"), lambda m: "key=" + SECRET + "&" + pairs(by_name(m)))
vector("sha256 of the body and the key", digest("sha256", based), lambda m: body_of(m) + SECRET)
vector("md5 of the hexadecimal md5 and the key", digest("md5"), lambda m: hash_hex("md5", pairs(by_name(m))) + SECRET)
vector("sha256 of the hexadecimal sha256 with the key in it", digest("sha256"), lambda m: hash_hex("sha256", pairs(by_name(m)) + SECRET))
vector("sha256, lower case with HashKey= around, as ECPay", digest("sha256", upper_hexed), lambda m: (pairs(by_name(m)) + "&key=" + SECRET).lower())
vector("rsa over a string with the shared key", {**rsa(), "secret": SECRET}, lambda m: pairs(by_name(m)) + "&key=" + SECRET)

# --- two samples, where one cannot tell
vector("order of the body or sorted, two samples", rsa(), lambda m: pairs(m), lambda: random.sample(completion(), 5), count=2)
vector("sorted, blanks kept, two samples", mac(), lambda m: pairs(by_name(kept(m))), lambda: random.sample(blank(), 8), count=2)
alternating = iter([refund, completion, completion])
vector("refund and completion, documented order", rsa(), lambda m: values(PAGE(m), "|"), lambda: next(alternating)(), count=2)

(VECTORS / "sign-infer.json").write_text(
    json.dumps(
        {
            "about": "Made by tests/vectors/sign_infer.py with Python's hashlib and hmac and OpenSSL through the package "
            "cryptography. Published test keys: never use them for anything else.",
            "vectors": MADE,
        },
        ensure_ascii=False,
        indent=1,
    )
    + "\n"
)
print(len(MADE), "vectors")
