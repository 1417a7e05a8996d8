"""A password to agree on, made of words that can be said over the telephone: the lists are our own."""

import secrets
from typing import Final

_WORDS: Final = 4
_LAST: Final = 1000

_DUTCH: Final = """
anker appel avond baard bakker bal balkon band bank beek beer berg bes beurs bezem bijl blad blik bloem boek boer
boom boot bord bos boter brief bril broek brood brug buik bus cake dag dak dal deken deur dief dijk doek dok doos
dorp draad draak duif duin eend egel eik eiland emmer engel erwt ezel fiets film fles fluit gans garen geit gids
gitaar glas golf gong gras graan haan haard haas hak hal hamer hand haring hark hart haven heks helm hengel herfst
hert heuvel hoed hoek hond honing hooi hotel huis ijs inkt jacht jas jurk kaars kaas kabel kade kaft kalf kam kamer
kano kans kar kast kat kegel kelder kerk kers ketting kiel kikker kip klei klok knie knop koe koek koffer komeet
konijn koor kop koren korf kraan krant krijt kroon kruid kuil kus kwast lade lamp land lepel letter lijm lijst
linde lont lucht maan maand mais mand mantel markt mast meel meer melk meloen merel mes meter mier mist molen mond
mos motor muis munt muur muts naald naam nacht nest net neus noot oever olijf oor oven paal paard pad palm pan
papier parel park pauw peer pen peper pijl pijp plank plant plein ploeg poes poort pop pot prei prins pruim put
raam raket rand regen reis rib riem ring rivier rog rok room roos rots rug ruit saus schaap schaar schelp schip
schoen school schuur slak slang slee sleutel slot snaar soep spar spin spoor ster stoel stok storm straat strand
strik stroom suiker taart tafel tak tand tapijt tas tent thee tijger toren touw trap trein trom tuin uil
"""
_ENGLISH: Final = """
acorn amber anchor apple apron arrow autumn badge baker banjo barn basket beach bear beetle bell bench berry bird
blanket boat bonnet book boot bottle bowl branch bread brick bridge brook broom brush bucket butter button cabin
cable candle canoe canvas carpet carrot castle cedar chain chair chalk cherry circle cliff clock cloud clover coal
coast coat comet copper coral corn cotton cradle crane cream crown cup curtain daisy dance desert diamond dinner
dish dolphin donkey door dragon drum duck eagle ear earth egg elbow elm engine evening falcon farm feather fence
fern fiddle field finch finger fish flag flame flute forest fork fox frog garden gate giraffe glass glove goat goose
grain grape grass guitar hammer hand harbour harp hat hawk hazel hedge heron hill honey hook horn horse hotel house
ink island ivy jacket jar jelly jewel jug kettle key kite kitten ladder lake lamp lantern lawn leaf lemon letter
lily linen lion lizard maple marble market meadow melon milk mill mirror mitten moon morning moss motor mountain
mouse mushroom music nail napkin needle nest night north nut oak oar oat ocean olive onion orange orchard otter
oven owl oyster paddle page paint palace palm panda paper parcel parrot path peach pearl pebble pencil pepper piano
pigeon pillow pine pipe planet plate plum pocket pond pony poppy potato purse quilt rabbit radio rain raven ribbon
rice river road robin rocket roof rope rose saddle sail salt sand scarf school shell ship shoe silver sky snow soap
sock spoon spring squirrel stable star station stone storm straw summer sun swan table tea
"""


def suggested_password(language: str) -> str:
    """Four words and a number, such as `molen fiets regen lamp 472`: 42 bits behind ten tries and a code."""
    words = (_DUTCH if language == "nl" else _ENGLISH).split()
    chosen = [secrets.choice(words) for _ in range(_WORDS)]
    return f"{' '.join(chosen)} {secrets.randbelow(_LAST):03d}"
