"""Files that are broken, or only look it: each with its code, its sentence, and no exception."""

import re

import pytest

from billing.era.importing import read_file
from tests.era.files import HERE, figures, malformed, one_transaction

GOOD = (HERE / "samples/javillegasna+oxedi__balanced_5010_sample.txt").read_bytes()


def read(name: str):
    return read_file((HERE / "malformed" / name).read_bytes())


@pytest.mark.parametrize(("name", "outcome", "code", "says"), malformed(), ids=lambda case: case)
def test_a_malformed_file_gives_its_code(name: str, outcome: str, code: str, says: str) -> None:
    file = read(name)
    if outcome == "refuse":
        assert file.importable() == ()
        assert file.all_refusals[0].code == code
    else:
        assert file.all_refusals == ()
        assert file.importable()
        assert {code} - {""} <= {one.code for one in file.all_warnings}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("01_empty", "The file is empty."),
        ("02_whitespace", "The file is empty."),
        ("03_truncated_isa", "ISA has 106 characters, 60 are here."),
        (
            "04_truncated_mid_segment",
            "closing segments SE, GE and IEA, in claim CLM1002, after NM1",
        ),
        ("05_truncated_after_se", "closing segments GE and IEA, after SE"),
        ("06_wrong_se_count", "Transaction 0001 says it has 57 segments; it has 58."),
        ("07_se_number_mismatch", "number 0009 but began with 0001 (SE02 and ST02)"),
        ("08_iea_number_mismatch", "000000102 but began with 000000101 (IEA02 and ISA13)"),
        ("09_ge_count", "Group 101 says it has 2 transactions; it has 1."),
        ("10_no_iea", "before its closing segment IEA, after GE."),
        (
            "11_unbalanced_bpr",
            "Payment CHK100234 does not add up: amount $700.00; claims $720.00 less provider"
            " adjustments $30.00 is $690.00; difference $10.00.",
        ),
        (
            "12_unbalanced_claim",
            "Claim CLM1001: charge $310.00 less adjustments $100.00 is $210.00,"
            " the file says paid $200.00.",
        ),
        (
            "13_unbalanced_line",
            "Claim CLM1001, line 1 (99213 of 01/05/2024): $200.00 less $50.00 is $150.00,"
            " the file says $140.00.",
        ),
        ("14_is_837.edi", "This is an 837 (a claim we send), not an 835 remittance."),
        ("15_binary_png", "it is a PNG picture"),
        ("16_zip_named_835", "it is a ZIP archive). Unpack it and upload the .835 file inside."),
        ("17_nul_inside", "it has a NUL byte at 500"),
        ("18_utf16", "UTF-16"),
        ("22_html_page", 'begins with "ISA". It looks like a web page.'),
        ("23_csv", "It looks like a spreadsheet saved as text (CSV)."),
        ("24_pdf", "It looks like a PDF."),
        ("25_unknown_delims", '"A" as the segment separator; a letter cannot be one'),
        ("31_amount_with_comma", '"6,90" is not an amount (BPR02)'),
        ("32_amount_words", 'Claim CLM1001: "ABC" is not an amount (CLP04).'),
        ("33_two_same_isa13", "holds interchange 000000101 twice"),
        ("35_no_trn", "Transaction 0001 has no check or EFT number (TRN)."),
        ("35_no_trn", "says it has 58 segments; it has 57."),
        ("38_svc_before_clp", "a service line (SVC) before any claim (CLP), segment 16."),
        ("39_no_claims", "claims $0.00 less provider adjustments $30.00 is -$30.00"),
        ("39_no_claims", "says it has 58 segments; it has 16."),
        ("44_unknown_segment", "amount $690.00; claims $720.00"),
        ("45_three_decimals", '"690.005" is not an amount (BPR02)'),
        ("46_exponent", '"6.9E2" is not an amount (BPR02)'),
        ("48_debit", "amount -$690.00 (debit)"),
        ("49_ebcdic", 'begins with "ISA"'),
    ],
)
def test_a_refusal_says_what_and_where(name: str, words: str) -> None:
    file = read(name if "." in name else f"{name}.835")
    assert words in " ".join(one.text for one in file.all_refusals)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("19_utf8_bom", ""),
        ("20_latin1_name", "Names were read as Windows text."),
        ("30_comp_sep_mismatch", 'The file uses ">" inside codes but announces ":".'),
        ("36_no_bpr16", "The ERA has no payment date; type it before saving."),
        ("37_bad_date", '"20241332" in the ERA is not a date'),
        ("43_4010", "Version 004010X091A1."),
        ("43_4010", "ISA06 has 31 instead of 15"),
        ("44_unknown_segment", "Segment PLXX is not part of an 835 and was ignored."),
        ("47_mixed_835_837", "1 transaction that is not an 835 was ignored."),
    ],
)
def test_a_warning_says_what(name: str, words: str) -> None:
    texts = [one.text for one in read(f"{name}.835").all_warnings]
    assert any(words in text if words else text == "" for text in texts)


@pytest.mark.parametrize(
    "name",
    [
        "19_utf8_bom",
        "26_pipe_delims",
        "27_newline_terminator",
        "28_crlf_after_tilde",
        "29_wrapped_80cols",
        "40_garbage_after_iea",
        "41_leading_junk",
        "47_mixed_835_837",
    ],
)
def test_how_a_file_is_written_changes_nothing(name: str) -> None:
    assert figures(read(f"{name}.835")) == figures(read_file(GOOD))


@pytest.mark.parametrize("name", ["20_latin1_name", "21_utf8_name"])
def test_names_keep_their_letters(name: str) -> None:
    (transaction,) = read(f"{name}.835").importable()
    assert "MUÑOZ, JOSÉ" in [claim.patient.name for claim in transaction.claims]


def test_two_interchanges_are_two_payments() -> None:
    first, second = read("34_two_isa13_diff.835").importable()
    assert [first.payment.reference, second.payment.reference] == ["CHK100234", "CHK100235"]
    assert f"{first.payment.amount} {second.payment.amount}" == "690.00 690.00"


def test_a_missing_date_is_left_empty() -> None:
    for name in ("36_no_bpr16.835", "37_bad_date.835"):
        (transaction,) = read(name).importable()
        assert transaction.payment.date is None


def test_the_procedure_is_read_with_the_separator_it_uses() -> None:
    (transaction,) = read("30_comp_sep_mismatch.835").importable()
    lines = [line for claim in transaction.claims for line in claim.lines]
    assert [line.code for line in lines] == ["99213", "85025", "97110", "99212"]
    assert all(line.doubtful for line in lines)


# ---------------------------------------------------------------------------- more of the kind


def with_(old: str, new: str) -> bytes:
    assert old.encode() in GOOD
    return GOOD.replace(old.encode(), new.encode(), 1)


def codes(data: bytes) -> list[str]:
    return [one.code for one in read_file(data).all_refusals]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("GE*1*101", "GE*1*102", "E10"),
        ("IEA*1*", "IEA*2*", "E09"),
        ("IEA*1*", "IEA*x*", "E09"),
        ("SE*58*0001~\n", "", "E08"),
        ("GE*1*101~\n", "", "E08"),
        ("GS*HP*ACMEPAYER*SUNRISECLINIC*20240110*0900*101*X*005010X221A1~\n", "", "E18"),
        ("BPR*I*690*C*", "BPR*I*690*X*", "E16"),
        ("BPR*I*690*C*", "BPR*I*690**", "E16"),
        ("BPR*I*690*C*", "BPR*I*99999999999*C*", "E16"),
        ("BPR*I*690*C*", f"BPR*I*{'9' * 5000}*C*", "E16"),
        ("BPR*I*690*C*", "BPR*I*NaN*C*", "E16"),
        ("BPR*I*690*C*", "BPR*I*\uff16\uff19\uff10*C*", "E16"),
        ("BPR*I*690*C*", "BPR*I*+690*C*", "E16"),
        ("BPR*I*690*C*CHK************20240112~\n", "", "E17"),
        ("TRN*1*CHK100234*", "TRN*1**", "E17"),
        ("LX*1~\n", "LX*1~\nCAS*CO*45*1~\n", "E18"),
        ("WO:OVERPAY01*25", "WO:OVERPAY01*x", "E16"),
        ("WO:OVERPAY01*25", "OVERPAY01*25", "E23"),
        ("WO:OVERPAY01*25*", "*25*", "E23"),
        ("L6:INTEREST01*-5", "-5*INTEREST01", "E23"),
        ("CAS*CO*29*80", "CAS*CO*29*8O", "E16"),
        ("SVC*HC:99213*200*150", "SVC*HC:99213*200*15O", "E16"),
        ("AMT*AU*250~\n", "AMT*AU*250~\nLX*9~\n", "E18"),
        ("ISA*00*", "ISA*00", "E04"),
        ("*0*T*:~", "*0*T**~", "E06"),
        ("*0*T*:~", "*0*T* ~", "E06"),
        ("*0*T*:~", "*0*T*5~", "E06"),
        ("*0*T*:~", "*0*T*~~", "E06"),
        ("*0*T*:~", "*0*T*§~", "E06"),
        ("ISA*", "ISA ", "E06"),
    ],
)
def test_other_ways_to_be_wrong(old: str, new: str, code: str) -> None:
    assert codes(with_(old, new))[:1] == [code]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xef\xbb\xbf", "E01"),
        (b"\x00\x00\x1a", "E01"),
        (b"\xff\xd8\xff\xe0 JFIF", "E02"),
        (b"\x1f\x8b\x08\x00", "E02"),
        ("ISA*00*".encode("utf-16-le"), "E05"),
        ("ISA*00*".encode("utf-16-be"), "E05"),
        (GOOD.decode().encode("utf-32"), "E05"),
        (b"I", "E03"),
        (b"ISA", "E04"),
        (b"ISA" + b"*" * 200, "E06"),
        (b"ISA*" + b"x" * 2000, "E04"),
        (b'{"claims": []}', "E03"),
        (GOOD[107:], "E03"),
        (GOOD + b"Printed by the portal", "E03"),
        (GOOD + GOOD[:80], "E04"),
        (GOOD[: GOOD.index(b"IEA")] + GOOD.replace(b"000000101", b"000000102"), "E08"),
    ],
)
def test_other_things_that_are_not_a_remittance(data: bytes, code: str) -> None:
    file = read_file(data)
    assert file.all_refusals[0].code == code
    assert file.importable() == ()


def test_a_claim_file_with_wrong_counts_is_still_called_one() -> None:
    data = (HERE / "malformed/14_is_837.edi").read_bytes()
    assert [one.code for one in read_file(data.replace(b"IEA*1*", b"IEA*2*")).refusals] == ["E07"]
    assert [one.code for one in read_file(data[:-40]).refusals] == ["E07"]


def test_each_interchange_has_its_own_separators() -> None:
    other = (HERE / "malformed/26_pipe_delims.835").read_bytes()
    file = read_file(GOOD + other.replace(b"000000101", b"000000102"))
    assert file.all_refusals == ()
    first, second = figures(file)
    assert first == second


def test_a_name_that_reads_like_a_closing_segment_closes_nothing() -> None:
    data = with_("N3*100 MAIN ST", "N3*100 IEA*MAIN ISA*ST")
    assert read_file(data).all_refusals == ()


def test_endless_blanks_are_no_work() -> None:
    lines = GOOD.replace(b"~\n", b"\n").replace(b"\nST*", b"\n" * 1_000_000 + b"ST*")
    assert read_file(lines).all_refusals == ()


def test_a_refused_transaction_leaves_the_others() -> None:
    second = GOOD.replace(b"000000101", b"000000102").replace(b"BPR*I*690*", b"BPR*I*691*")
    file = read_file(GOOD + second)
    assert [len(one.refusals) for one in file.transactions] == [0, 1]
    assert [one.interchange for one in file.importable()] == ["000000101"]


def test_a_broken_envelope_refuses_everything_in_the_file() -> None:
    second = GOOD.replace(b"000000101~", b"000000103~").replace(b"*000000101*", b"*000000102*")
    file = read_file(GOOD + second)
    assert [one.code for one in file.refusals] == ["E10"]
    assert file.importable() == ()


def test_a_sentence_of_the_file_cannot_break_ours() -> None:
    text = read_file(with_("*200*60*12", f"*<b>\u2028{'x' * 500}*60*12")).all_refusals[0].text
    assert '"<b> xxx' in text
    assert len(text) < 200


def test_a_claim_without_a_number_is_named_by_its_place() -> None:
    data = with_("CLP*CLM1001*1*300*200", "CLP*0*1*300*201")
    assert re.match(r"Claim no\. 1: ", read_file(data).all_refusals[1].text)


def test_interest_on_a_claim_is_information_only() -> None:
    data = with_("AMT*AU*250", "AMT*I*5.00")
    assert one_transaction(data).unallocated == 0


def test_an_exception_never_carries_a_claim_into_a_log() -> None:
    from billing.era import refusals

    error = refusals.FileRefused(refusals.cut(["IEA"], "CLP", 5, "Claim CLM1001"))
    assert "CLM1001" not in f"{error!r} {error}"
