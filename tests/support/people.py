"""The cast of the tests, and what they may see.

Ada and Bo are members of guild Harbour. Mallory is a member of guild Quarry, and must see nothing of Harbour."""

HARBOUR = 81384788765712384
QUARRY = 1234567890123456789
ADA = 190320984123768832
BO = 41771983423143937
MALLORY = 9007199254740993

NOBODYS = 5_000_000_000_000_000_000  # the id of a guild that does not exist

BAD_IDS = (
    "abc", "0", "007", "-5", "1_0", "+1", "1.0", "1e3", "٣", "%20" + "1", "1%0A", "1%00", "%00",
    "9223372036854775808", "18446744073709551616", "9" * 40, "0x10", "null", "..", "%2e%2e",
)  # fmt: skip
