import pytest

from hwgen.integers import BIPOLAR, PIXEL, IntegerType, Range, signed, unsigned

TYPES = [BIPOLAR, *(unsigned(n) for n in range(1, 33)), *(signed(n) for n in range(2, 33))]


def test_every_type_is_written_and_read():
    assert [IntegerType.parse(str(t)) for t in TYPES] == TYPES
    assert [str(t) for t in (BIPOLAR, PIXEL, signed(4))] == ["B1", "U8", "S4"]
    assert len(TYPES) == 64


def test_values_of_small_types_one_by_one():
    values = {
        BIPOLAR: [-1, 1],
        unsigned(1): [0, 1],
        unsigned(3): list(range(8)),
        signed(2): [-2, -1, 0, 1],
        signed(4): list(range(-8, 8)),
    }
    for type, expected in values.items():
        assert [v for v in range(-20, 21) if type.has(v)] == expected
        assert [type.minimum + type.step * code for code in range(1 << type.bits)] == expected
        assert (type.minimum, type.maximum) == (expected[0], expected[-1])


BAD_TYPES = [
    (("ternary", 2), "kind is 'bipolar', 'unsigned' or 'signed', not 'ternary'"),
    (("bipolar", 2), r"a bipolar integer has 1\.\.1 bits, not 2"),
    (("signed", 1), r"a signed integer has 2\.\.32 bits, not 1"),
    (("unsigned", 0), r"an unsigned|a unsigned integer has 1\.\.32 bits, not 0"),
    (("unsigned", 33), r"1\.\.32 bits, not 33"),
    (("unsigned", True), "bits is an integer, not True"),
    (("unsigned", 2.0), r"bits is an integer, not 2\.0"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_TYPES, ids=str)
def test_wrong_types_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        IntegerType(*arguments)


@pytest.mark.parametrize("text", ["", "U", "8", "X8", "U-1", "U8 ", "U008", "u8", "B2", "U²"])
def test_wrong_texts_are_refused(text):
    with pytest.raises(ValueError):
        IntegerType.parse(text)


def test_bits_of_ranges():
    cases = {(0, 0): 1, (0, 1): 2, (-1, 0): 1, (-1, 1): 2, (-2, 1): 2, (-128, 127): 8, (-129, 0): 9, (0, 128): 9}
    assert {case: Range(*case).bits for case in cases} == cases
    assert len(cases) == 8
    for low in range(-40, 40):
        for high in range(low, 40):
            bits = Range(low, high).bits
            assert -(1 << (bits - 1)) <= low and high < 1 << (bits - 1)
            assert bits == 1 or not (-(1 << (bits - 2)) <= low and high < 1 << (bits - 2))


def test_a_range_is_in_order():
    with pytest.raises(ValueError, match="a range's minimum 2 is above its maximum 1"):
        Range(2, 1)
    assert str(Range(-3, 4)) == "[-3, 4]"
