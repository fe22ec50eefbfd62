"""Money is an integer of minor units and an ISO 4217 code. "Cents" means the currency's own minor unit."""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY "
    "COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS "
    "INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR "
    "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD "
    "SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"

#: ISO 4217 code → number of decimals of its minor unit.
EXPONENTS: dict[str, int] = (
    dict.fromkeys(_TWO.split(), 2) | dict.fromkeys(_ZERO.split(), 0) | dict.fromkeys(_THREE.split(), 3)
)
LARGEST = 10**12


def known_currency(code: str) -> str:
    """The code in upper case. Raises ValueError for one that ISO 4217 does not list."""
    upper = code.strip().upper()
    if upper not in EXPONENTS:
        raise ValueError("unknown currency")
    return upper


def to_cents(amount: str | int | float | Decimal, currency: str) -> int:
    """Minor units of a decimal amount; a fraction of one is rounded half to even. Raises ValueError if not a number."""
    try:
        value = Decimal(str(amount).strip())
    except InvalidOperation:
        raise ValueError("not an amount") from None
    if not value.is_finite() or value.copy_abs() > LARGEST:  # abs() overflows on huge exponents
        raise ValueError("amount out of range")
    return int(value.scaleb(EXPONENTS[currency]).to_integral_value(ROUND_HALF_EVEN))


def from_cents(cents: int, currency: str) -> Decimal:
    """The decimal amount of ``cents`` minor units."""
    return Decimal(cents).scaleb(-EXPONENTS[currency])
