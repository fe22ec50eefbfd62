"""Words of names and addresses in a form that can be compared: plain letters and digits, sounds, roots of nicknames."""

import re
import unicodedata
from functools import lru_cache

from jellyfish import metaphone

LONGEST = 80
_GAPS = re.compile(r"[^\w]+|_+")
_DIGITS = re.compile(r"\d+")
#: Short forms, each line's first word stands for all of them.
_NICKNAMES = """
alexander alex alec sandy xander sasha;alexandra alexa lexi;andrew andy drew;anthony tony;benjamin ben benny
catherine katherine kathryn cathy kathy kate katie kitty;charles charlie chuck;christopher chris topher kit
christina christine tina chrissie;daniel dan danny;david dave davey;deborah debra debbie deb;dorothy dot dottie
edward ed eddie ted teddy ned;elizabeth liz lizzie beth betty eliza libby elsie bess;eleanor ellie nell nora
emily em emmy;frances fran francie;francis frank frankie;frederick fred freddie;gabriel gabe;gerald gerry jerry
gregory greg;harold harry hal;henry hank;isabella isabel isabelle izzy bella;jacob jake;james jim jimmy jamie
jennifer jen jenny;jessica jess jessie;john johnny jack;jonathan jon jonny;joseph joe joey;joshua josh
judith judy;kenneth ken kenny;lawrence laurence larry;leonard len lenny;margaret maggie meg peggy margie rita greta
martin marty;mary molly polly mae;matthew matt;michael mike mick mickey mikey;nathan nathaniel nate nat
nicholas nick nicky;nicole nikki;pamela pam;patricia pat patty trish;patrick paddy;peter pete;philip phillip phil
rachel rachael;raymond ray;rebecca becky becca;richard rick ricky dick rich;robert rob robbie bob bobby bert
ronald ron ronnie;samantha sam sammy;samuel;sarah sara sally;stephen steven steve stevie;susan sue susie suzanne
theodore theo;theresa teresa terry tess;thomas tom tommy;timothy tim timmy;victoria vicky vicki tori
vincent vince vinnie;virginia ginny;walter walt wally;william will bill billy willie liam;zachary zach zac zack
"""
_ROOTS = {word: line.split()[0] for line in _NICKNAMES.replace("\n", ";").split(";") if line for word in line.split()}
_STREETS = {
    **dict.fromkeys(("st", "str", "strt"), "street"), **dict.fromkeys(("rd",), "road"),
    **dict.fromkeys(("ave", "av", "avn"), "avenue"), **dict.fromkeys(("pl", "plc"), "place"),
    **dict.fromkeys(("cres", "crs", "crct"), "crescent"), **dict.fromkeys(("ct", "crt"), "court"),
    **dict.fromkeys(("dr", "drv"), "drive"), **dict.fromkeys(("cl",), "close"), **dict.fromkeys(("cct",), "circuit"),
    **dict.fromkeys(("tce", "terr"), "terrace"), **dict.fromkeys(("pde",), "parade"), **dict.fromkeys(("ln",), "lane"),
    **dict.fromkeys(("hwy",), "highway"), **dict.fromkeys(("blvd",), "boulevard"), **dict.fromkeys(("sq",), "square"),
}  # fmt: skip


@lru_cache(1 << 17)
def plain(text: str) -> str:
    """Lower case without accents; letters and digits of any script, one blank between words; cut to ``LONGEST``."""
    apart = unicodedata.normalize("NFKD", text.casefold()).replace("'", "").replace("\u2019", "")
    kept = "".join(each for each in apart if not unicodedata.combining(each))
    return _GAPS.sub(" ", kept).strip()[:LONGEST].strip()


def digits(text: str) -> str:
    """All its digits."""
    return "".join(_DIGITS.findall(text))


@lru_cache(1 << 17)
def sound(word: str) -> str:
    """How it sounds (metaphone, L. Philips 1990), without blanks; the word itself where it is in another script."""
    return metaphone(word).replace(" ", "") if word.isascii() else word


def root(given: str) -> str:
    """The full given name of which this is a common short form; else itself. Of several names the first."""
    first = given.split(" ", 1)[0] if given else given
    return _ROOTS.get(first, first)


@lru_cache(1 << 17)
def street(text: str) -> str:
    """Kinds of street spelt out."""
    words = plain(text).split(" ")
    return " ".join([*words[:1], *(_STREETS.get(word, word) for word in words[1:])])
