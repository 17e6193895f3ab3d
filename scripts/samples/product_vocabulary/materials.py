"""Materials and colours, with what a description says about each."""

MATERIALS: dict[str, tuple[str, ...]] = {
    "aluminium": (
        "Aluminium keeps the weight down and does not rust.",
        "The aluminium is brushed, so small scratches hardly show.",
    ),
    "ash": (
        "Ash is a springy, pale wood that takes knocks well.",
        "The ash is sanded smooth and finished with oil.",
    ),
    "bamboo": (
        "Bamboo is light, hard and quick to grow.",
        "Wipe the bamboo with a damp cloth and let it dry standing up.",
    ),
    "beech": (
        "Beech is a close-grained wood that doesn't splinter.",
        "Rub a little oil into the beech once or twice a year.",
    ),
    "birch plywood": (
        "The birch plywood is cut cleanly and sanded on every edge.",
        "Birch plywood stays flat and strong even where it is thin.",
    ),
    "bone china": (
        "Bone china is thin and light, yet stronger than it looks.",
        "Hold the bone china up to a window and the light shines through.",
    ),
    "brass": (
        "Solid brass darkens slowly with use and can be polished back at any time.",
        "The brass is left bare, so it gains a warm colour of its own.",
    ),
    "canvas": (
        "The canvas is tightly woven and grows softer with every year.",
        "Brush dirt off the canvas when it is dry and sponge it with cold water.",
    ),
    "carbon steel": (
        "Carbon steel takes a keen edge; dry it after use and oil it now and then.",
        "The carbon steel is hardened, so it stays sharp for a long time.",
    ),
    "cast iron": (
        "Cast iron is heavy, steady and made to last a lifetime.",
        "Keep the cast iron dry and wipe it with a drop of oil.",
    ),
    "copper": (
        "Copper has a warm, reddish shine when it's new.",
        "The copper turns a deep brown with age, or shines again with lemon and salt.",
    ),
    "cork": (
        "Cork is warm to the touch, light and springy.",
        "The cork comes from bark that grows back, so no tree is cut down.",
    ),
    "cotton": (
        "The cotton is soft, washes at 40 degrees and dries on the line.",
        "Pure cotton breathes well and gets softer in the wash.",
    ),
    "enamel": (
        "Enamel wipes clean and doesn't hold the taste or smell of yesterday.",
        "The enamel is baked on in two coats, with a dark line along the rim.",
    ),
    "forged steel": (
        "Forged steel is tougher than cast or pressed metal.",
        "The forged steel is shaped under the hammer and then tempered.",
    ),
    "galvanised steel": (
        "Galvanised steel can stay out in the rain all year.",
        "The zinc on galvanised steel keeps rust away, even in a scratch.",
    ),
    "glass": (
        "The glass is thick, clear and safe in the dishwasher.",
        "Clear glass goes with everything around it.",
    ),
    "jute": (
        "Jute is a strong natural fibre with a pleasant rough feel.",
        "Shake the jute out and spot clean it; it doesn't like to be soaked.",
    ),
    "leather": (
        "The leather is tanned with bark and darkens where your hands touch it.",
        "Feed the leather with a little wax once a year and it'll last for decades.",
    ),
    "linen": (
        "Linen is strong, dries fast and looks best slightly creased.",
        "The linen is washed before sewing, so it won't shrink.",
    ),
    "nylon": (
        "The nylon is light, tough and quick to dry.",
        "Nylon doesn't rot and shrugs off mud and rain.",
    ),
    "oak": (
        "Oak is hard and heavy, with a grain that is never the same twice.",
        "The oak is finished with wax, which brings out the grain.",
    ),
    "olive wood": (
        "No two pieces of olive wood look alike.",
        "Olive wood is dense and oily by nature, so it hardly takes up stains.",
    ),
    "porcelain": (
        "Porcelain is hard, smooth and easy to wipe.",
        "The porcelain is glazed all over and doesn't scratch easily.",
    ),
    "recycled card": (
        "The recycled card is thick and goes in the paper bin when its life is over.",
        "Recycled card gives it a warm, slightly speckled look.",
    ),
    "recycled plastic": (
        "The recycled plastic comes from bottles and doesn't crack in frost.",
        "Recycled plastic washes clean under the tap.",
    ),
    "rubber": (
        "Natural rubber grips well, wet or dry.",
        "The rubber stays soft in the cold and does not crumble in the sun.",
    ),
    "silicone": (
        "Silicone is soft to hold and bounces when it falls.",
        "The silicone has no smell and washes clean with soap.",
    ),
    "slate": (
        "Each piece of slate is split by hand, so the edges differ a little.",
        "Slate feels cool, looks quiet and wipes clean.",
    ),
    "stainless steel": (
        "Stainless steel doesn't rust, stain or chip.",
        "The stainless steel has a satin finish that hides finger marks.",
    ),
    "steel": (
        "The steel is powder coated, which keeps scratches and rust away.",
        "Good plain steel makes it stiff and hard to bend.",
    ),
    "stoneware": (
        "Stoneware keeps warmth well and stands daily use.",
        "The stoneware is fired hot and glazed by hand.",
    ),
    "terracotta": (
        "Terracotta breathes, which keeps things cool and fresh.",
        "The terracotta pales and gathers a fine bloom as it ages.",
    ),
    "waxed canvas": (
        "Waxed canvas sheds rain and can be waxed again at home.",
        "Creases in the waxed canvas turn lighter and tell where it has been.",
    ),
    "wool": (
        "Wool keeps its warmth even when it's damp.",
        "Air the wool overnight; it seldom needs a wash.",
    ),
    "wool felt": (
        "The wool felt is thick, soft and keeps its shape.",
        "Wool felt is soft to the touch and muffles every sound.",
    ),
}

COLOURS: dict[str, tuple[str, ...]] = {
    "black": ("Black goes with everything and hides the marks of daily use.",),
    "blush pink": ("The blush pink is pale and warm rather than sweet.",),
    "brick red": ("Brick red is a warm, earthy shade that doesn't fade quickly.",),
    "charcoal grey": ("The charcoal grey is almost black, but softer on the eye.",),
    "cream": ("Cream is a quiet colour that suits old rooms and new ones alike.",),
    "crimson": ("The crimson is bright and deep, so you'll find it at a glance.",),
    "duck egg blue": ("Duck egg blue sits between blue and green and looks fresh all year.",),
    "lavender": ("The lavender is a light, greyish purple, like the flower in July.",),
    "midnight blue": ("Midnight blue is so dark that it passes for black by lamp light.",),
    "moss green": ("Moss green looks at home among wood, stone and leaves.",),
    "mustard yellow": ("The mustard yellow brings some sun to a dull morning.",),
    "navy blue": ("Navy blue is smart, calm and slow to show dirt.",),
    "plum": ("Plum is a rich, dark purple with a touch of red.",),
    "rust orange": ("The rust orange glows like leaves in autumn.",),
    "sage green": ("Sage green is a soft grey-green that goes well with plain wood.",),
    "sand": ("The sand shade is light, warm and easy to match.",),
    "sky blue": ("Sky blue looks clean and cheerful.",),
    "stone grey": ("Stone grey is neutral and goes with any other colour.",),
    "teal": ("Teal is a strong blue-green that holds its own in any room.",),
    "white": ("The white is clean and bright without being cold.",),
}
