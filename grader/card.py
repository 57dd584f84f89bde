"""A model card that a student wrote, as data: metadata, sections, tables, and what its sentences permit or forbid.

In: Markdown with a YAML block on top, not trusted. Out: `Card`, or Rejected with a sentence for the student. The judgements
on wording look for what the course's text asks for; they don't understand English. Nothing is rendered here.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

import yaml

from .errors import Rejected
from .strict import plain

CARD_CHARACTERS = 1 << 17
METADATA_CHARACTERS = 1 << 15
MAX_DEPTH = 12
_FRONT = re.compile(r"\A\ufeff?\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_OPENING = (yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken, yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


@dataclass(frozen=True, slots=True)
class Card:
    """A parsed card. `sections`: heading in lower case → the text below it, up to the next heading of any level."""

    metadata: dict[str, Any]
    body: str
    sections: dict[str, str]


def parse_card(text: str, name: str = "the card") -> Card:
    """The card, or Rejected. YAML is read without aliases, anchors, tags and repeated keys, and with bounded depth."""
    if len(text) > CARD_CHARACTERS:
        raise Rejected(f"{name} is {len(text):,} characters long; at most {CARD_CHARACTERS:,} are read")
    front = _FRONT.match(text)
    if front is None:
        raise Rejected(f"{name} does not begin with a metadata block: YAML between two lines of `---`")
    metadata = _parse_yaml(front[1], name)
    body = text[front.end() :]
    return Card(metadata, body, _sections(body))


def _parse_yaml(text: str, name: str) -> dict[str, Any]:
    if len(text) > METADATA_CHARACTERS:
        raise Rejected(f"the metadata of {name} is {len(text):,} characters long; at most {METADATA_CHARACTERS:,} are read")
    try:
        depth = 0
        for token in yaml.scan(text):
            if isinstance(token, (yaml.AliasToken, yaml.AnchorToken, yaml.TagToken)):
                raise Rejected(f"the metadata of {name} uses YAML anchors, aliases or tags; write plain values")
            depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
            if depth > MAX_DEPTH:
                raise Rejected(f"the metadata of {name} is nested more than {MAX_DEPTH} levels deep")
        _refuse_repeated_keys(yaml.compose(text, yaml.SafeLoader), name)
        metadata = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 2}" if mark else ""
        raise Rejected(f"the metadata of {name} is not valid YAML{where}: {plain(str(getattr(error, 'problem', error)), 120)}") from None
    except (ValueError, RecursionError):
        raise Rejected(f"the metadata of {name} is not valid YAML") from None
    if not isinstance(metadata, dict):
        raise Rejected(f"the metadata of {name} is not a mapping of keys to values")
    return metadata


def _refuse_repeated_keys(node: Any, name: str) -> None:
    """YAML silently takes the last of two values."""
    if isinstance(node, yaml.MappingNode):
        keys = [str(key.value) for key, _ in node.value]
        if len(set(keys)) != len(keys):
            raise Rejected(f"the metadata of {name} has the same key twice")
        for _, value in node.value:
            _refuse_repeated_keys(value, name)
    if isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated_keys(value, name)


def _sections(body: str) -> dict[str, str]:
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    is_code = False
    for line in body.splitlines():
        is_code ^= line.lstrip().startswith("```")
        heading = None if is_code else re.match(r" {0,3}#{1,6}[ \t]", line)
        if heading:
            current = sections.setdefault(line[heading.end() :].strip().rstrip("#").strip().casefold(), [])
        else:
            current.append(line)
    return {title: "\n".join(lines).strip() for title, lines in sections.items()}


def evaluations(metadata: dict[str, Any]) -> dict[str, float]:
    """Metric type → value of all results in `model-index`. Raises Rejected where the Hub could not read it."""
    found: dict[str, float] = {}
    try:
        (model,) = metadata["model-index"]
        for result in model["results"]:
            if not (result["task"]["type"] and result["dataset"]["type"] and result["dataset"]["name"]):
                raise Rejected("a result in `model-index` lacks its task or data set")
            for metric in result["metrics"]:
                found[str(metric["type"])] = number(metric["value"])
    except (KeyError, TypeError, ValueError):
        raise Rejected("`model-index` is missing or incomplete; let `ModelCardData(model_name=…, eval_results=[…])` write it") from None
    return found


def number(value: Any) -> float:
    """A finite number as float, else NaN."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else math.nan


def tables(card: Card) -> dict[str, list[str]]:
    """First cell → the other cells, of every row of every table in the body."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in card.body.splitlines() if line.strip().startswith("|")
    ]
    return {cells[0]: cells[1:] for cells in rows if cells[0] and set(cells[0]) - set("-: ")}


# What the sentences say

_CLINICAL = re.compile(
    r"\bclinical(?:ly)?\b(?! (?:notes?|texts?|cases?|reports?|language|descriptions?|styles?|vocabulary|documents?|data|trials?)\b)|\bclinics?\b|"
    r"\bdiagnos\w+|\btreatments?\b|\btreat(?:ing|s)? (?:\w+ ){0,2}(?:patients?|people|persons?|anyone|diseases?|illness\w*)|\bpatient care\b|"
    r"\btriage\b|\bprescri\w+|\btherap\w+|\bmedical (?:advice|use|decisions?|device|purposes?|practice)",
    re.I,
)
_NEGATION = re.compile(
    r"\b(?:not|never|nor|neither|cannot|no|none|nothing|nobody|avoid|out of scope|out-of-scope|prohibited|forbidden|excluded|unsuitable|unfit|"
    r"disallowed|ruled out)\b|n[’']t\b",
    re.I,
)
_EMPTY_NEGATION = re.compile(
    r"(?:\bnot|n[’']t)\s+(?:only|just|merely|solely|limited|restricted|confined|harmful|forbidden|prohibited|excluded|unsuitable|out of scope|"
    r"a problem|bad|worse)\b|\bno\s+(?:doubt|problem|longer|limits?|limitations?|restrictions?|objections?|risks?|questions?|"
    r"reasons? (?:not|against|why))\b|\bnever\s+(?:fails?|wrong|errs?)\b|(?:\b(?:not|never|no)|n[’']t)\s+(?:be )?(?:hesitat\w+|afraid|shy|true)\b|"
    r"(?:\b(?:not?|never|nobody|nothing|none)\b|n[’']t\b)(?:(?!\b(?:and|or)\b)[^,;:.()–—-])*"  # a denied denial: "no clinical use is excluded"
    r"\b(?:prohibited|forbidden|excluded|disallowed|discouraged|ruled out|out of the question)\b|"
    r"\bnothing\s+(?:\w+\s+)?(?:against|wrong)\b",
    re.I,
)
_PERMISSION = re.compile(
    r"\b(?:suitable|approved|cleared|validated|certified|safe|ready|fit|recommended|intended|designed|meant|useful|accurate|reliable|permitted|"
    r"allowed|fine|welcome|supports|assists|helps|use it|only (?:for|in)|use (?:of )?this model|feel free|rely on|trust|suffices?|"
    r"(?:great|ideal|perfect|excellent|good|works|works well|made to help|built) (?:for|at|in|doctors|physicians|clinicians)|"
    r"(?:may|can|should|could|must|will) (?:also )?(?:be used|be applied|support|assist|help|guide|inform))\b",
    re.I,
)
_CONTRAST = re.compile(r"\b(?:but|however(?=,)|yet|although|though|except|unless|instead|rather)\b", re.I)
_ASIDE = re.compile(
    r"^(?: [\w-]+){0,2},(?:(?:(?!\b(?:but|and)\b)[^,;])*,)?(?=\s+(?:is|are|must|should|may|can|will|shall|has|have)\b)", re.I
)
"""The end of what stands between commas before the verb: "clinical use, including diagnosis, is not permitted"."""
_REFERRAL = re.compile(r"\b(?:ask|see|consult|contact|seek|turn to)\b.{0,60}\b(?:doctor|physician|clinician|professional)", re.I)


def sentences(text: str) -> list[str]:
    """Sentences of Markdown prose; a list belongs to the line that introduces it, marks of emphasis are dropped."""
    text = re.sub(r"[*_`>]", "", text)
    text = re.sub(r":[ \t]*\n+[ \t]*(?:[-+•]|\d+[.)])[ \t]+", ": ", text)
    text = re.sub(r"(?<![.!?:])\n[ \t]*(?:[-+•]|\d+[.)])[ \t]+", "; ", text)
    text = re.sub(r"\b(e\.g|i\.e|etc|vs)\.", r"\1", text, flags=re.I)
    parts = re.split(r"(?<=[.!?])\s+|\n\s*\n", text)
    return [" ".join(part.split()) for part in parts if part.strip()]


def speaks_of_clinical_use(sentence: str) -> bool:
    """True for a sentence that names clinical use, diagnosis or treatment, other than by sending people to a doctor."""
    return bool(_CLINICAL.search(sentence)) and not _REFERRAL.search(sentence)


def permits_clinical_use(sentence: str) -> bool:
    """True for a sentence that names clinical use, diagnosis or treatment and does not plainly rule it out."""
    return speaks_of_clinical_use(sentence) and not _rules_out(sentence)


def promises_clinical_use(sentence: str) -> bool:
    """True for a sentence anywhere in a card that recommends clinical use: a word of permission, and nothing against it."""
    return permits_clinical_use(sentence) and bool(_PERMISSION.search(sentence))


def _rules_out(sentence: str) -> bool:
    """All that the sentence says of clinical use stands in the reach of a negation that means it."""
    if _EMPTY_NEGATION.search(sentence):
        return False
    sentence = re.sub(r",? and (?:so|neither) (?:is|are|does|do)\b[^,;]*$", "", sentence)  # "…, and so are diagnosis and treatment"
    mentions, negations = list(_CLINICAL.finditer(sentence)), list(_NEGATION.finditer(sentence))
    first, last = mentions[0].start(), mentions[-1].end()
    before, after = [n for n in negations if n.end() <= first], [n for n in negations if n.start() >= last]
    if before:  # "never for diagnosis or treatment"
        return not _CONTRAST.search(sentence[before[0].end() : last]) and not _permits_again(sentence[before[-1].end() : last])
    if after:  # "diagnosis and treatment are not intended"
        stretch = _ASIDE.sub("", sentence[last : after[0].start()])
        return not re.search(r"[,;]|\b(?:but|and)\b", stretch)
    return False


def _permits_again(stretch: str) -> bool:
    """After a negation, a clause that permits: "(not) for children, suitable for clinics". "(not) endorse or support" is none."""
    head, *clauses = re.split(r"[,;:–—]|\band\b", stretch)
    if re.fullmatch(r"\s*(?!(?:an?|the|for|in|to|as)\b)\w+(?: \w+)?\s*", head):
        return False
    return any(_PERMISSION.search(c) and _CLINICAL.search(c) and not _NEGATION.search(c) for c in clauses)


def names_its_purpose(text: str) -> bool:
    """Research and education are named, and not as what the model is not for."""
    denied = re.compile(r"\b(?:not|never|nor|neither)\s+(?:\w+\s+){0,3}(?:for|in)\s+(?:\w+\s+){0,2}(?:research|educat\w+|teaching)", re.I)
    exempt = re.compile(r"\b(?:anything|other|else|except|but|outside|beyond)\b", re.I)
    is_denied = any(denied.search(s) and not exempt.search(s) for s in sentences(text))
    return bool(re.search(r"\bresearch", text, re.I) and re.search(r"\b(?:educat|teach)", text, re.I)) and not is_denied


_LICENCE_NAME = re.compile(r"(?:Creative Commons )?Attribution[ -–]Share ?-?Alike(?: 4\.0)?(?: International)?(?: licen[cs]e)?", re.I)
_SAME_LICENCE = re.compile(
    r"\b(?:same|identical|this|that) (?:(?:CC[ -]BY-SA(?:[ -]4\.0)?|open|exact|very) )*(?:licen[cs]es?|terms|conditions)|\bshare[ds]? ?-?alike\b|\blicen[cs]ed? (?:\w+ )?alike\b|"
    r"\bunder (?:the )?CC[ -]BY-SA|\bCC[ -]BY-SA[^.]{0,60} (?:too|as well)\b",
    re.I,
)
_OBLIGATION = re.compile(
    r"\b(?:must|shall|has to|have to|needs? to|require[ds]?|obliged|provided|only|is to be|are to be|keeps?|stays?|applies|if you)\b", re.I
)
_WAIVER = re.compile(
    r"\b(?:need not|needn[’']t|no need|no obligation|optional|free to|whatever licen[cs]e)\b|"
    r"(?:\bnot|n[’']t) (?:need|have to|required|necessary|obliged|apply|true)\b|\bany (?:other )?licen[cs]e (?:you|they)\b|"
    r"(?:\b(?:not|never)|n[’']t) (?:(?:use|apply|keep|be \w+ (?:on )?under|do so under) )?the same licen[cs]e|"
    r"\bsame licen[cs]e is (?:\w+ ){0,2}(?:recommended|suggested|encouraged|suggestion|recommendation)",
    re.I,
)


def asks_for_the_same_licence(text: str) -> bool:
    """A sentence says that what others make of it has to carry the same licence, and none of these waives it."""
    named = [s for s in sentences(_LICENCE_NAME.sub("CC BY-SA", text)) if _SAME_LICENCE.search(s)]
    return any(_OBLIGATION.search(s) for s in named) and not any(_WAIVER.search(s) for s in named)
