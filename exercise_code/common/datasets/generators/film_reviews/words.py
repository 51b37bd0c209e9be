"""The words of made-up film reviews: those that judge, which all share, and names and nouns, which they do not."""

from dataclasses import dataclass

__all__ = [
    "ADJECTIVES",
    "FEELINGS",
    "HELD_OUT",
    "NEGATORS",
    "RELATIVES",
    "TRAINING",
    "VERBS",
    "VERDICTS",
    "WEEKDAYS",
    "Cast",
]

# Each table: what praises, what blames.
ADJECTIVES: tuple[tuple[str, ...], tuple[str, ...]] = (
    (
        *("beautiful", "brilliant", "charming", "clever", "convincing", "delightful", "excellent", "fresh", "funny"),
        *("good", "great", "gripping", "memorable", "moving", "perfect", "superb", "thrilling", "touching", "witty"),
        "wonderful",
    ),
    (
        *("annoying", "awful", "bad", "bland", "boring", "clumsy", "confusing", "dreadful", "dull", "flat"),
        *("forgettable", "lifeless", "messy", "pointless", "predictable", "shallow", "silly", "tedious", "terrible"),
        "wooden",
    ),
)
# The past, and the form that follows "did not".
VERBS: tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]] = (
    (
        *(("worked", "work"), ("shone", "shine"), ("sparkled", "sparkle"), ("impressed me", "impress me")),
        *(("charmed me", "charm me"), ("moved me", "move me"), ("delighted me", "delight me")),
        ("convinced me", "convince me"),
    ),
    (
        *(("failed", "fail"), ("dragged", "drag"), ("fizzled", "fizzle"), ("disappointed me", "disappoint me")),
        *(("bored me", "bore me"), ("annoyed me", "annoy me"), ("irritated me", "irritate me")),
        ("depressed me", "depress me"),
    ),
)
# What "I" felt.
FEELINGS: tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]] = (
    (("loved", "love"), ("liked", "like"), ("enjoyed", "enjoy"), ("admired", "admire"), ("adored", "adore")),
    (("hated", "hate"), ("disliked", "dislike"), ("loathed", "loathe"), ("detested", "detest"), ("resented", "resent")),
)
# What something was: "a triumph", "no triumph".
VERDICTS: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("triumph", "joy", "gem", "treat", "success", "masterpiece", "marvel"),
    ("mess", "bore", "disaster", "failure", "chore", "flop", "letdown"),
)
NEGATORS = ("not", "never", "no", "hardly", "wasn't", "weren't", "didn't", "far from", "by no means")

RELATIVES = ("brother", "sister", "mother", "father", "aunt", "uncle", "cousin", "neighbour", "dentist", "flatmate")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Cast:
    """Who and what reviews tell of. The training set and the others have no name and no noun in common."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    # Parts of a film, one and several.
    part: tuple[str, ...]
    parts: tuple[str, ...]
    jobs: tuple[str, ...]
    animals: tuple[str, ...]
    things: tuple[str, ...]
    places: tuple[str, ...]
    title_adjectives: tuple[str, ...]
    title_nouns: tuple[str, ...]


TRAINING = Cast(
    first_names=(
        *("Ada", "Bruno", "Clara", "Dario", "Edith", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Karla", "Leo"),
        *("Mona", "Nils", "Olga", "Pablo", "Rosa", "Simon", "Tilda", "Viktor"),
    ),
    last_names=(
        *("Abbott", "Berger", "Castillo", "Dubois", "Eriksen", "Fontana", "Grover", "Hartmann", "Ivanova"),
        *("Jensen", "Kowalski", "Lindgren", "Moretti", "Novak", "Okafor", "Pereira", "Quinn", "Rossi", "Sato"),
        *("Tanaka",),
    ),
    part=(
        *("plot", "acting", "script", "ending", "music", "dialogue", "lighting", "editing", "humour", "pacing"),
        *("opening", "scenery", "villain", "sound"),
    ),
    parts=("jokes", "costumes", "songs", "chases", "flashbacks", "battles", "landscapes", "puppets"),
    jobs=(
        *("detective", "baker", "pianist", "librarian", "taxi driver", "astronaut", "beekeeper", "lawyer", "nurse"),
        *("plumber", "spy", "painter", "cook", "locksmith", "referee"),
    ),
    animals=("parrot", "goat", "donkey", "penguin", "octopus", "hamster", "wolf", "pigeon", "camel", "hedgehog"),
    things=(
        *("suitcase", "violin", "typewriter", "teapot", "submarine", "bicycle", "telescope", "piano", "ladder"),
        *("umbrella", "necklace", "tractor", "clock", "accordion"),
    ),
    places=(
        *("Lisbon", "Warsaw", "a lighthouse", "a hotel in the Alps", "Naples", "an empty airport", "Dublin"),
        *("a submarine base", "Marrakesh", "a chocolate factory", "Vienna", "a trailer park"),
    ),
    title_adjectives=("Lost", "Silent", "Crooked", "Golden", "Invisible", "Borrowed", "Northern", "Distant", "Paper"),
    title_nouns=("Harbour", "Orchard", "Mirror", "Bridge", "Winter", "Passenger", "Garden", "Letter", "Staircase"),
)
HELD_OUT = Cast(
    first_names=(
        *("Agnes", "Boris", "Celia", "Dmitri", "Elsa", "Fabian", "Gloria", "Henrik", "Irene", "Jasper", "Katja"),
        *("Lorenzo", "Mabel", "Niko", "Ottilie", "Percy", "Ruth", "Stefan", "Thea", "Wanda"),
    ),
    last_names=(
        *("Andersen", "Blum", "Carvalho", "Delacroix", "Engel", "Ferrari", "Gomez", "Holloway", "Ito", "Jankowski"),
        *("Kim", "Larsson", "Mbeki", "Nakamura", "Olsen", "Petrova", "Ramirez", "Schuster", "Torres", "Ulrich"),
    ),
    part=(
        *("story", "performance", "screenplay", "finale", "soundtrack", "narration", "photography", "casting"),
        *("comedy", "rhythm", "prologue", "set design", "romance", "animation"),
    ),
    parts=("gags", "masks", "ballads", "duels", "dreams", "monsters", "sunsets", "robots"),
    jobs=(
        *("inspector", "butcher", "cellist", "teacher", "sailor", "clown", "gardener", "judge", "surgeon"),
        *("carpenter", "thief", "sculptor", "waiter", "postman", "goalkeeper"),
    ),
    animals=("crow", "sheep", "mule", "walrus", "squid", "ferret", "fox", "seagull", "llama", "badger"),
    things=(
        *("trunk", "cello", "camera", "kettle", "airship", "scooter", "microscope", "organ", "wheelbarrow"),
        *("parasol", "bracelet", "bulldozer", "compass", "trombone"),
    ),
    places=(
        *("Porto", "Prague", "a windmill", "a cabin in the Rockies", "Palermo", "a deserted railway station"),
        *("Glasgow", "an oil rig", "Cairo", "a toy shop", "Budapest", "a caravan"),
    ),
    title_adjectives=("Early", "Loud", "Broken", "Silver", "Hidden", "Frozen", "Southern", "Narrow", "Glass"),
    title_nouns=("Island", "Vineyard", "Window", "Tunnel", "Summer", "Stranger", "Forest", "Telegram", "Balcony"),
)
