"""Numbers by their leading bits: a way to group them so that each group is as wide as it is high."""


def kept_bits(number: int, kept: int) -> int:
    """The number with only its first `kept` bits, the rest 0. As `guildhall_xp_floor` in the database."""
    surplus = number.bit_length() - kept
    return number if surplus <= 0 else (number >> surplus) << surplus
