"""What a stranger types, sends and uploads: texts, amounts, headers, bodies and files."""

from __future__ import annotations

import re

from tests.screens.bad_input import FORGED
from tests.support.odd_amounts import NOT_AMOUNTS, TOO_FINE, TOO_LARGE

Pairs = list[tuple[str, str]]

# Each would stand in the page as it is if somebody forgot to escape it.
MARKUP = [
    "<zqx>",
    '"><zqx onload=alert(1)>',
    "'\"><img src=zqx onerror=alert(1)>",
    '" onzqx="alert(1)',
    "</script><zqx>",
    "</textarea><zqx>",
    "</title><zqx>",
    "{{ 7|add:35 }}<zqx>{% load x %}",
    "javascript:alert('<zqx>')",
    "<svg/onload=zqx>",
]
UNESCAPED = re.compile(rb"<zqx|<img src=zqx|\" onzqx=\"|<svg/onload=zqx")
TEXTS = [
    "",
    " ",
    "\0",
    "a\0b",
    "x" * 10_000,
    "é" * 5_000,
    "\N{RIGHT-TO-LEFT OVERRIDE}txt.exe",
    "\N{LEFT-TO-RIGHT ISOLATE}\N{ZERO WIDTH SPACE}\N{WORD JOINER}\ufeff",
    "Z\u0351\u036b\u0343a\u0363\u0348l\u0348\u035ag\u033co",
    "👩‍👩‍👧‍👦",
    "\ud7ff\ue000\uffff\U0010ffff",
    "\x01\x02\x1b[31m\x7f\x85\u2028",
    "a\r\nSet-Cookie: zqx=1",
    "%00",
    "%s%n%(name)s{0}{name}",
    "' OR 1=1 --",
    "'; DROP TABLE billing_payment; --",
    "1) UNION SELECT password FROM auth_user --",
    "\\'; SELECT pg_sleep(9); --",
    "%' ESCAPE '",
    "../../../../etc/passwd",
    "file:///etc/passwd",
    "=1+1|'cmd'!A0",
    "~gAAAAABzqx",
    "~",
    "[]",
    "{}",
    "null",
    "true",
    "on",
    "on\0",
    "admin",
    "P1042",
    "p1042",
    "R-0001",
    "R-٢",
    "IP-0001",
    "all",
    "-",
    "\\",
]
NUMBERS = [
    "0", "1", "-1", "2", "3", "9", "99", "1e3", "0x1", "1.0", "１", "٣", "²", "Ⅷ", "1 ", "01",
    "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808",
    "-9223372036854775809", "9" * 30, "9" * 400,
]  # fmt: skip
DATES = [
    "0000-00-00", "0001-01-01", "1582-10-10", "1969-12-31", "2025-02-30", "2024-02-29",
    "2025-11-18T00:00:00Z", "9999-12-31", "10000-01-01", "11/18/2025", "２０２５-11-18", "today",
]  # fmt: skip
AMOUNTS = [*NOT_AMOUNTS, *TOO_FINE, *TOO_LARGE]
NASTY = [*MARKUP, *TEXTS, *NUMBERS, *DATES, *AMOUNTS]
# What a form of ours never has, and a model does.
MASS = [
    *FORGED, "is_superuser", "is_staff", "is_active", "groups", "user_permissions", "password",
    "created_by_id", "clinic", "clinic_id", "id", "pk", "user", "user_id", "owner", "provider_id",
    "line_id", "payment_id", "allocated_cents", "amount_cents", "closed_through", "mac", "sealed",
    "_method", "__class__", "__proto__", "next", "csrfmiddlewaretoken", "key",
]  # fmt: skip
HEADERS: list[dict[str, str]] = [
    {"hx-request": "true"},
    {"hx-request": "true", "hx-target": "<zqx>"},
    {"hx-request": "true", "hx-target": "history", "hx-trigger": "a\0b"},
    {"hx-request": "true", "hx-current-url": "http://[zqx"},
    {"hx-boosted": "true", "hx-request": "maybe"},
    {"accept": "application/json"},
    {"accept": "*/*;q=zqx"},
    {"accept-language": "xx-<zqx>, " + "en," * 2_000},
    {"accept-encoding": "gzip;q=9, zqx"},
    {"accept-charset": "utf-16"},
    {"host": "elsewhere.example"},
    {"host": "testserver:99999999"},
    {"host": "<zqx>"},
    {"x-forwarded-for": "1.2.3.4, <zqx>"},
    {"x-forwarded-host": "elsewhere.example"},
    {"x-forwarded-proto": "https"},
    {"x-http-method-override": "DELETE"},
    {"x-request-id": "<zqx>\r\nX: 1"},
    {"referer": "https://elsewhere.example/<zqx>"},
    {"origin": "null"},
    {"origin": "https://elsewhere.example"},
    {"if-modified-since": "yesterday"},
    {"if-none-match": '"zqx'},
    {"range": "bytes=9-1,zqx"},
    {"cookie": "sessionid=" + "x" * 4_000},
    {"cookie": "messages=zqx; csrftoken=<zqx>"},
    {"user-agent": "\N{RIGHT-TO-LEFT OVERRIDE}" + "<zqx>" * 500},
    {"authorization": "Basic !!!!"},
    {"content-encoding": "gzip"},
]
METHODS = ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "ZQX"]
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
BODIES: Pairs = [  # (content type, body as latin-1)
    (f"{FORM}; charset=utf-16", "a=b"),
    (f"{FORM}; charset=zqx", "a=b"),
    (FORM, "a=\xff\xfe"),
    (FORM, "a=%FF%FE&b=%"),
    (FORM, "&".join(f"f{n}=1" for n in range(6_000))),
    (FORM, "&&&==&=a&a="),
    (FORM, "a=" + "x" * 3_000_000),
    (MULTIPART, "no boundary"),
    (f"{MULTIPART}; boundary=", "--\r\n"),
    (f"{MULTIPART}; boundary=b", "--b\r\n\r\nno head\r\n--b--"),
    (f"{MULTIPART}; boundary=b", '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nhalf'),
    (
        f"{MULTIPART}; boundary=b",
        '--b\r\nContent-Disposition: form-data; name="file"; filename="../<zqx>\0.csv"\r\n'
        "Content-Type: text/csv\r\n\r\nfamily_name\n\xff\xfe\0\r\n--b--\r\n",
    ),
    (
        f"{MULTIPART}; boundary=b",
        '--b\r\nContent-Disposition: form-data; name="a"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--b--\r\n",
    ),
    (f"{MULTIPART}; boundary=b; charset=utf-16", "--b--"),
    ("application/json", '{"amount": 1e999, "key": [[[['),
    ("text/xml", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    ("zqx", "\0\1\2"),
    ("", ""),
]
FILES = [
    b"",
    b"\0" * 100,
    b"PK\x03\x04zip",
    b"ISA*00*          *00*          *ZZ*X~ST*835*1~",
    b"family_name,given_name,birth_date\n<zqx>,'\"><zqx>,9999-99-99\n",
    b'\xff\xfe"\x00,\n' * 50,
    b"code,description,amount\n90834,<zqx>,1e9\n,,\n",
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='zqx()'/>",
    b'"' + b"x" * 200_000,
]
