"""This file describes what the API says of parts; it guards that a field which is not always there is described so.

What is sent is the store's own view (`store.health_views`): fields of a note that hold their default are left out of
the JSON, and every number may be null.
"""

from typing import Annotated

from pydantic import BaseModel, Field


class PartName(BaseModel):
    """What a gateway calls a part."""

    charger: str
    place: str
    component: str
    model: str
    measure: str


class Remedy(BaseModel):
    """What to do, which part to bring, and others' codes for it."""

    text: str
    part: str = ""
    mrec: str = ""
    unified: str = ""


class Score(BaseModel):
    """A state of health: `value` and `sd` in points of 100, theta in `unit`, `fail_30d`, `fail_90d` probabilities."""

    part: PartName
    unit: str
    basis: str
    trust: str
    level: int
    n_obs: int
    value: float | None
    sd: float | None
    theta: float | None
    theta_sd: float | None
    theta_0: float | None
    theta_end: float | None
    at_s: int
    fail_30d: float | None = None
    fail_90d: float | None = None
    days: Annotated[list[float | None] | None, Field(description="To the end of life: low, median, high")] = None
    why_none: str = ""
    remedy: Remedy | None = None


class Change(BaseModel):
    """A level is another than before: what was seen, against which limit, and what to do."""

    version: int
    part: PartName
    before: int
    level: int
    at_s: int
    remedy: Remedy
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    evidence: dict[str, float | None] = {}
    score: Score | None = None


class PartBody(BaseModel):
    """A part. `level` -1 is none; `value` is null while it is learnt, and of a finding, which has no score."""

    number: int
    site: str
    gateway: str
    charger: str
    place: str
    component: str
    model: str
    measure: str
    level: int
    value: float | None
    at_ms: int
    since_ms: int
    score: Score | None
    change: Change | None


class PartPageBody(BaseModel):
    """Some parts; `before` asks for the next page, null at the end."""

    parts: list[PartBody]
    before: int | None


class FeatureBody(BaseModel):
    """One feature, in the measure's unit, with the samples behind it."""

    at_ms: int
    value: float | None
    sd: float | None
    n: int
    evidence: dict[str, float | None]


class EvidenceBody(BaseModel):
    """A part with the features that its score rests on, oldest first."""

    part: PartBody
    features: list[FeatureBody]


class ChangeBody(BaseModel):
    """A change of level of a part."""

    number: int
    site: str
    part: int
    at_ms: int
    before: int
    level: int
    note: Change


class ChangePageBody(BaseModel):
    """Some changes, newest first; `before` asks for the next page, null at the end."""

    changes: list[ChangeBody]
    before: int | None
