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

METADATA_CHARACTERS = 1 << 16
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
        metadata = yaml.load(text, _UniqueKeys)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 2}" if mark else ""
        raise Rejected(f"the metadata of {name} is not valid YAML{where}: {plain(str(getattr(error, 'problem', error)), 120)}") from None
    except (ValueError, RecursionError):
        raise Rejected(f"the metadata of {name} is not valid YAML") from None
    if not isinstance(metadata, dict):
        raise Rejected(f"the metadata of {name} is not a mapping of keys to values")
    return metadata


class _UniqueKeys(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice: YAML would silently take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "the same key twice", node.start_mark)
        return mapping


def _sections(body: str) -> dict[str, str]:
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    is_code = False
    for line in body.splitlines():
        is_code ^= line.lstrip().startswith("```")
        heading = None if is_code else re.fullmatch(r" {0,3}#{1,6}\s+(.*?)\s*#*\s*", line)
        if heading:
            current = sections.setdefault(heading[1].casefold(), [])
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
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in card.body.splitlines() if line.strip().startswith("|")]
    return {cells[0]: cells[1:] for cells in rows if cells[0] and set(cells[0]) - set("-: ")}


# What the sentences say

_CLINICAL = re.compile(r"clinic\w*|diagnos\w*|treat(?:ment|ing|s|ed)?\b|patient care|triage|prescri\w+|therap\w+|medical (?:advice|use|decisions?|device)", re.I)
_NEGATION = re.compile(
    r"\b(?:not|never|nor|neither|cannot|no|none|nothing|nobody|without|must avoid|out of scope|out-of-scope|prohibited|forbidden|excluded|"
    r"unsuitable|unfit|disallowed|ruled out)\b|n[’']t\b",
    re.I,
)
_NO_REAL_NEGATION = re.compile(
    r"\b(?:not|n[’']t)\s+(?:only|just|merely|solely|limited|restricted|confined|a problem|harmful|forbidden|prohibited|excluded|unsuitable|"
    r"out of scope|necessarily)\b|\bno\s+(?:doubt|problem|longer|limits?|limitations?|restrictions?|reasons?\s+not|objections?|risks?)\b|"
    r"\bwithout\s+(?:doubt|limits?|limitations?|restrictions?|risks?|reservations?|problems?)\b|\bnever\s+(?:fails?|wrong|errs?|stop)\b",
    re.I,
)
_AFFIRMATION = re.compile(
    r"\b(?:suitable|approved|cleared|validated|certified|safe|ready|fit|recommended|intended|designed|meant|made|useful|accurate|reliable|"
    r"permitted|allowed|supports?|assists?|helps?|(?:may|can|should|could|must|will) (?:also )?(?:be used|be applied|support|assist|help|guide|inform)|"
    r"use it)\b",
    re.I,
)
_CONTRAST = re.compile(r"\b(?:but|however|yet|although|though|except|unless|instead|rather)\b", re.I)


def sentences(text: str) -> list[str]:
    """Sentences of Markdown prose; a list belongs to the line that introduces it, marks of emphasis are dropped."""
    text = re.sub(r"[*_`>]", "", text)
    text = re.sub(r":[ \t]*\n+[ \t]*(?:[-+•]|\d+[.)])[ \t]+", ": ", text)
    text = re.sub(r"\n[ \t]*(?:[-+•]|\d+[.)])[ \t]+", "; ", text)
    text = re.sub(r"(\be\.g|\bi\.e|\betc|\bvs)\.", r"\1", text, flags=re.I)
    parts = re.split(r"(?<=[.!?])\s+|\n\s*\n", text)
    return [" ".join(part.split()) for part in parts if part.strip()]


def permits_clinical_use(sentence: str) -> bool:
    """True for a sentence that names clinical use, diagnosis or treatment and does not plainly rule it out."""
    return bool(_CLINICAL.search(sentence)) and not _is_ruled_out(sentence)


def _is_ruled_out(sentence: str) -> bool:
    """Every mention of clinical use stands in the reach of a negation that means it."""
    if _NO_REAL_NEGATION.search(sentence):
        return False
    negations = list(_NEGATION.finditer(sentence))
    mentions = list(_CLINICAL.finditer(sentence))
    if not negations:
        return False
    first, last = mentions[0], mentions[-1]
    starts_negated = bool(re.match(r"\W*(?:no|nothing|none|nobody|neither|never|under no)\b", sentence, re.I))
    before = [n for n in negations if n.end() <= first.start()]
    if before:
        between = sentence[before[0].end() : last.start()]
        if _CONTRAST.search(between):
            return False
        return starts_negated or not _affirms_again(sentence[before[-1].end() : last.end()])
    after = [n for n in negations if n.start() >= last.end()]
    return bool(after) and "," not in sentence[last.end() : after[0].start()] and not _CONTRAST.search(sentence[last.end() : after[0].start()])


def _affirms_again(stretch: str) -> bool:
    """A later clause of the stretch begins anew with a word of permission, as in "not for children, suitable for clinics"."""
    return any(_AFFIRMATION.search(clause) and _CLINICAL.search(clause) for clause in re.split(r"[,;:–—]|\band\b", stretch)[1:])


def promises_clinical_use(sentence: str) -> bool:
    """True for a sentence outside the section on scope that recommends clinical use: a word of permission, nothing against it."""
    return bool(_CLINICAL.search(sentence) and _AFFIRMATION.search(sentence)) and not _is_ruled_out(sentence)


def names_its_purpose(text: str) -> bool:
    """Research and education are named, and not as what it is not for."""
    denied = r"\b(?:not|never|nor|neither)\s+(?:\w+\s+){0,3}(?:for|in)\s+(?:\w+\s+){0,2}(?:research|educat\w+|teaching)"
    is_denied = any(re.search(denied, s, re.I) and not re.search(r"\b(?:anything|other|else|except|but)\b", s, re.I) for s in sentences(text))
    return bool(re.search(r"\bresearch", text, re.I) and re.search(r"\b(?:educat|teach)", text, re.I)) and not is_denied


_SAME_LICENCE = re.compile(
    r"\b(?:same|identical|this) (?:licen[cs]es?|terms|conditions)|\bshare[ds]? ?-?alike\b|\blicen[cs]ed? (?:\w+ )?alike\b|"
    r"\b(?:also|again|likewise)\b[^.]{0,40}\bCC BY-SA|\bunder (?:the )?(?:CC BY-SA|that licen[cs]e|it)\b",
    re.I,
)
_OBLIGATION = re.compile(r"\b(?:must|shall|has to|have to|need to|needs to|required?|requires|only|is to be|are to be|keep|stays?|applies|carry|if you)\b", re.I)
_WAIVER = re.compile(
    r"\b(?:need not|needn[’']t|not (?:need|have|required|necessary|obliged)|n[’']t (?:need|have)|no (?:need|obligation)|not apply|"
    r"(?:under )?any (?:other )?licen[cs]e (?:you|they)|whatever licen[cs]e|optional|free to (?:choose|use)|MIT|proprietary|relicen[cs]ed?)\b",
    re.I,
)


def asks_for_the_same_licence(text: str) -> bool:
    """A sentence says that what others make of it has to carry the same licence, and none waives it."""
    text = re.sub(r"(?:Creative Commons )?Attribution[ -–]Share ?-?Alike(?: 4\.0)?(?: International)?(?: licen[cs]e)?", "CC BY-SA", text, flags=re.I)
    named = [s for s in sentences(text) if _SAME_LICENCE.search(s)]
    return any(_OBLIGATION.search(s) for s in named) and not any(_WAIVER.search(s) for s in named)
