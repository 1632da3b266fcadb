"""The bounds of commands' fields as a JSON Schema says them; what they are checked by stands with each command.

They only describe: a message of our own says more than a pattern that failed.
"""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from domain.money import CURRENCIES
from domain.personal import Personal

FILLED = Meta(extra_json_schema={"minLength": 1, "pattern": r"\S"})
EMAIL = Meta(extra_json_schema={"pattern": "^$|@"})

Filled = Annotated[str, FILLED]
"""A text that is not blank."""
Why = Annotated[Personal, FILLED]
"""Words about a person or a deal that are not blank: a reason."""
Email = Annotated[Personal, EMAIL]
"""An address, or none."""
Code = Annotated[str, Meta(extra_json_schema={"pattern": "^[a-z0-9-]{1,40}$"})]
"""A short code to count by."""
OptionalCode = Annotated[str, Meta(extra_json_schema={"pattern": "^[a-z0-9-]{0,40}$"})]
"""A short code to count by, or none."""
Identifier = Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Za-z0-9._:-]{1,80}$"})]
"""An id that the caller gives."""
Month = Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": 12})]
"""A month of the year."""
Version = Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": 2**53})]
"""The version of a fact in its stream."""
CurrencyCode = Annotated[str, Meta(extra_json_schema={"enum": sorted(CURRENCIES)})]
"""An ISO 4217 code."""
ExchangeRate = Annotated[
    Decimal, Meta(extra_json_schema={"pattern": r"^(0\.[0-9]{0,9}[1-9]|[1-9][0-9]{0,8}(\.[0-9]{1,10})?)$"})
]
"""What one unit is worth: above 0 and below 10^9, of at most ten decimal places."""
Quantity = Annotated[
    Decimal, Meta(extra_json_schema={"pattern": r"^(0\.[0-9]{0,9}[1-9]|[1-9][0-9]{0,8}(\.[0-9]{1,10})?)$"})
]
"""How many units: above 0 and below 10^9."""
