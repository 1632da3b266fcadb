"""Money: an exact amount in an ISO 4217 currency."""

from decimal import ROUND_HALF_UP, Context, Decimal

from msgspec import Struct

from domain.errors import Malformed

IN_USE = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
    CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF
    GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR
    LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN
    PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS
    TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XDR XOF XPF XSU
    XUA YER ZAR ZMW ZWG
"""
WITHDRAWN = """
    ADP AFA ANG AOK AON AOR ARA ARP ATS AZM BAD BEF BGL BGN BRB BRC BRE BRN BRR BYB BYR CSD CSK CUC CYP DDM DEM
    ECS EEK ESP FIM FRF GEK GHC GRD GWP HRD HRK IEP ITL LTL LTT LUF LVL LVR MGF MLF MRO MTL MXP MZM NIC NLG PEI
    PLZ PTE ROL RUR SDD SDP SIT SKK SLL SRG STD SUR TJR TMM TPE TRL UAK UGS UYP VEB VEF XEU YDD YUD YUM YUN ZAL
    ZMK ZRN ZRZ ZWC ZWD ZWL ZWN ZWR
"""
CURRENCIES = frozenset(f"{IN_USE} {WITHDRAWN}".split())
"""The codes of ISO 4217 that are, or were, a currency: its lists one and three."""
LARGEST = Decimal(10) ** 14  # four decimal places of it still fit into 64 bits
EXACT = Context(prec=100)  # digits, so that what is beyond a bound is rounded, and then refused by the bound
# ISO 4217 minor units that are not 2 (ISO 4217 list one, currencies in use).
MINOR_UNITS: dict[str, int] = {}
for places, codes in ((0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
                      (3, "BHD IQD JOD KWD LYD OMR TND"), (4, "CLF UYW")):  # fmt: skip
    MINOR_UNITS.update(dict.fromkeys(codes.split(), places))


class Money(Struct, frozen=True):
    """An amount of one currency, exact: 1,054.00 USD. Never negative here: signs belong to flows, not to deals."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        """As people read it, with as many decimal places as its currency has: 1,054.00 USD."""
        return f"{self.amount:,.{digits(self.currency)}f} {self.currency}"


def checked(field: str, money: Money) -> Money:
    """`money`, or Malformed naming `field`: finite, not negative, below 10^14, no more places than its minor unit."""
    amount = money.amount
    if not isinstance(amount, Decimal):  # pyright: ignore[reportUnnecessaryIsInstance]  # a Struct checks no types
        raise Malformed(f"{field}.amount: must be a decimal number, not {type(amount).__name__}")
    check_currency(f"{field}.currency", money.currency)
    if not amount.is_finite() or not 0 <= amount < LARGEST:
        raise Malformed(f"{field}.amount: {amount} is not a finite amount from 0 to below 10^14")
    if amount != round(amount, places := digits(money.currency)):
        raise Malformed(
            f"{field}.amount: {amount} has more than {places} decimal places, the minor unit of {money.currency}"
        )
    return money


def check_currency(field: str, code: str) -> None:
    """Raise Malformed naming `field` where ISO 4217 knows no such currency."""
    if code not in CURRENCIES:
        raise Malformed(f"{field}: {code!r} is not an ISO 4217 code such as EUR")


def digits(currency: str) -> int:
    """The decimal places of a currency's minor unit."""
    return MINOR_UNITS.get(currency, 2)


def minor_units(money: Money) -> int:
    """The amount in whole minor units of its currency, the form that SQL sums: 10.54 USD is 1054."""
    return int(money.amount.scaleb(digits(money.currency)))


def from_minor_units(units: int, currency: str) -> Decimal:
    """The amount that a whole number of minor units stands for."""
    return Decimal(units).scaleb(-digits(currency))


def rounded(amount: Decimal, currency: str) -> Money:
    """An amount rounded half away from zero to its currency's minor unit, PostgreSQL's own rule."""
    finest = Decimal(1).scaleb(-digits(currency))
    return Money(amount.quantize(finest, ROUND_HALF_UP, EXACT), currency)
