"""Units as they are written in Czech, English, Romanian and Chinese."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

import regex

# What it measures (its base unit), how many of these it is, and how it is written: the symbol
# first, `_` for a space. Letter case counts only where it tells two units apart, as in mW and MW.
TABLE = """
m 1/1000000000 nm 奈米 纳米
m 1/1000000 µm 微米 micrometre micrometres micron microns mikrometrů
m 1/1000 mm 毫米 公釐 millimetre millimetres millimeter millimeters milimetr milimetry milimetrů
m 1/1000 milimetri
m 1/100 cm 公分 厘米 centimetre centimetres centimeter centimeters centimetr centimetry centimetrů
m 1/100 centimetri
m 1/10 dm
m 1 m 公尺 米 metre metres meter meters metr metry metrů metru metri
m 1000 km 公里 千米 kilometre kilometres kilometer kilometers kilometr kilometry kilometrů kilometri
m 254/10000 in \u2032\u2032 inch inches palec palce palců 英寸 英吋
m 3048/10000 ft \u2032 foot feet 英尺 英呎
m 1609344/1000 mi mile miles
m^2 1 m^2 sqm sq_m square_metre square_metres square_meter square_meters metrů_čtverečních
m^2 1 metri_pătrați 平方公尺 平方米
m^2 1/10000 cm^2 平方公分 平方厘米
m^2 10000 ha hectare hectares hektar hektarů
m^3 1 m^3 cubic_metre cubic_metres cubic_meter cubic_meters metrů_krychlových 立方公尺 立方米
g 1/1000000 µg mcg 微克 mikrogramů
g 1/1000 mg 毫克 milligram milligrams miligram miligramy miligramů miligrame
g 1 g 公克 克 gram grams gramy gramů gramu grame
g 10 dkg dag
g 1000 kg 公斤 千克 kilogram kilograms kilogramy kilogramů kilogramu kilograme kilo kila kilos
g 1000000 t 公噸 吨 噸 tonne tonnes tuna tuny tun tone
g 28349523125/1000000000 oz ounce ounces
g 45359237/100000 lb lbs
l 1/1000 ml 毫升 millilitre millilitres milliliter milliliters mililitr mililitry mililitrů
l 1/1000 mililitri
l 1/100 cl
l 1/10 dl deci
l 1 l L 公升 升 litre litres liter liters litr litry litrů litru litri
s 1/1000 ms 毫秒 millisecond milliseconds
s 1 s sec secs 秒 second seconds sekunda sekundy sekund secunde
s 60 min mins 分鐘 分钟 minute minutes minuta minuty minut
s 3600 h hr hrs 小時 小时 hour hours hodina hodiny hodin oră ore
s 86400 d day days 天 den dny dní dnů zi zile
s 604800 week weeks 週 周 星期 týden týdny týdnů săptămâni
month 1 month months 個月 个月 měsíc měsíce měsíců lună luni
year 1 year years yr yrs 年 歲 岁 rok roky roků let ani
°C 1 °C degree_celsius degrees_celsius stupňů_celsia stupně_celsia grade_celsius 攝氏度 摄氏度 度C
°F 1 °F degrees_fahrenheit
° 1 ° degree degrees 度 stupeň stupně stupňů
K 1 K
% 1 % percent per_cent procent procenta procento procente la_sută
‰ 1 ‰ promile
ppb 1 ppb
ppb 1000 ppm
Hz 1 Hz 赫茲 赫兹
Hz 1000 kHz
Hz 1000000 MHz
Hz 1000000000 GHz
Pa 1 Pa
Pa 100 hPa mbar
Pa 1000 kPa
Pa 1000000 MPa
Pa 100000 bar
W 1/1000 mW
W 1 W watt watts wattů 瓦
W 1000 kW
W 1000000 MW
Wh 1 Wh
Wh 1000 kWh
Wh 1000000 MWh
V 1/1000 mV
V 1 V volt volts voltů 伏
V 1000 kV
A 1/1000 mA
A 1 A
Ah 1/1000 mAh
Ah 1 Ah
Ω 1 Ω ohm ohms
N 1 N
J 1 J
J 1000 kJ
cal 1 cal
cal 1000 kcal
dB 1 dB 分貝 分贝
lm 1 lm lumen lumens lumenů
lux 1 lux lx
rpm 1 rpm
dpi 1 dpi
px 1 px pixel pixels pixelů 像素
px 1000000 Mpx MP megapixel megapixels
B 1000 kB
B 1000000 MB
B 1000000000 GB gigabyte gigabytes gigabajtů
B 1000000000000 TB
bit/s 1000000 Mbps Mbit/s
bit/s 1000000000 Gbps Gbit/s
m/s 1000/3600 km/h kph kmh
m/s 1609344/3600000 mph
€ 1 € EUR euro euros eura eur 歐元 欧元
$ 1 $ US$ USD dollar dollars dolar dolary dolarů dolari 美元
£ 1 £ GBP
¥ 1 ¥ CNY RMB JPY
Kč 1 Kč CZK korun koruny koruna
lei 1 lei RON leu
NT$ 1 NT$ TWD 新臺幣 新台幣
元 1 元
"""
BEFORE = ("NT$", "US$", "$", "€", "£", "¥", "EUR", "USD", "GBP", "CZK", "RON", "TWD")
# Words after which the two shortest words that are units too are a unit after all.
GOES_ON = (
    "a|i|nebo|až|po|před|při|na|v|ve|od|do|za|and|or|to|at|of|in|by|x|later|long|wide|high|tall"
    "|deep|thick|before|after|per|și|sau|la"
)
LETTER = r"[\p{Latin}\p{Greek}]"
HAN = regex.compile(r"\p{Han}")
CURRENCY_BEFORE = "|".join(regex.escape(one) for one in BEFORE)


@dataclass(frozen=True)
class Unit:
    """A unit of measurement, as a multiple of its base."""

    symbol: str = ""
    base: str = ""
    factor: Fraction = Fraction(1)

    def power(self, exponent: int) -> "Unit":
        """Give a square or cubic unit of length."""
        return Unit(f"{self.symbol}^{exponent}", f"{self.base}^{exponent}", self.factor**exponent)

    def per(self, other: "Unit") -> "Unit":
        """Divide by another unit."""
        return Unit(
            f"{self.symbol}/{other.symbol}", f"{self.base}/{other.base}", self.factor / other.factor
        )


NO_UNIT = Unit()


def _read_table() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for line in TABLE.strip().splitlines():
        base, factor, *written = line.split(" ")
        symbols = [one.replace("_", " ") for one in written]
        units |= {
            one: units.get(one) or Unit(symbols[0], base, Fraction(factor)) for one in symbols
        }
    return units


UNITS = _read_table()
FOLDED = Counter(map(str.casefold, UNITS))
BY_FOLDED = {written.casefold(): unit for written, unit in UNITS.items()}


def find_unit(written: str) -> Unit:
    """Find a unit by how it is written; a blank may be any white space."""
    written = " ".join(written.split())
    return UNITS.get(written) or BY_FOLDED[written.casefold()]


def _write_pattern(written: str) -> str:
    pattern = r"\s".join(map(regex.escape, written.split()))
    if len(written) > 1 and FOLDED[written.casefold()] == 1:
        pattern = f"(?i:{pattern})"
    if written in {"s", "in"}:  # Czech and English prepositions too
        return rf"{written}(?!{LETTER})(?!\s+(?!(?:{GOES_ON})\b){LETTER})"
    return pattern if HAN.search(written) else rf"{pattern}(?!{LETTER})"


# Longest first: `m` must not take what begins `mm`.
UNIT = "|".join(map(_write_pattern, sorted(UNITS, key=len, reverse=True)))
