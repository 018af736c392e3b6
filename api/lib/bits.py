"""Numbers by their leading bits, which groups them so that each group's width is proportional to its values."""


def kept_bits(number: int, kept: int) -> int:
    """The number with only its first `kept` bits; the rest are 0. The database has the same function:
    `guildhall_xp_floor`."""
    surplus = number.bit_length() - kept
    return number if surplus <= 0 else (number >> surplus) << surplus
