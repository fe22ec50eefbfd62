"""What recommendations are credited with, and beside it what an experiment measured: two things, told apart."""

from app.wiring import Wiring
from commands.browse import RecordView
from commands.experiment import DesignExperiment
from commands.order import PlaceOrder
from domain.design import Design, Variant
from domain.values import Channel, Line
from queries.attribution_personalization import CREDITED, ELSEWHERE, MEASURED, MISMATCHED, UNMEASURED, UNSEEN
from tests.app.test_cli import answered, bespoke, refused
from tests.app.test_experiment_report import ARMS, START, begin, exposed, facts, lived, visitor

PERIOD = ("--from", "2026-04-25", "--to", "2026-06-30", "--model", "linear", "--json")
MORE = range(60, 200)


def test_the_measured_lift_stands_beside_the_credit(wiring: Wiring) -> None:
    begin(wiring)
    lived(wiring, 200)
    told = answered(bespoke("attribution", "report", *PERIOD, "--experiment", "hero", settings=wiring.settings))
    (dollars,) = told["currencies"]
    beside = dollars["personalization"]
    assert beside["words"] == [CREDITED, MEASURED] and beside["credited"] == {"linear": 0}
    lifts = {each["metric"]: each for each in beside["measured"]}
    assert set(lifts) >= {"conversion", "revenue", "net_revenue"}
    assert lifts["conversion"]["arm"] == "bold" and lifts["conversion"]["low"] < lifts["conversion"]["change"]
    bare = answered(bespoke("attribution", "report", *PERIOD, settings=wiring.settings))
    assert bare["currencies"][0]["personalization"]["words"] == [CREDITED, UNMEASURED]
    assert {k: v for k, v in bare["currencies"][0].items() if k != "personalization"} == {
        k: v for k, v in dollars.items() if k != "personalization"
    }
    shares = tuple(Variant(name=name, buckets=5_000) for name in ARMS)
    design = Design(hypothesis="Nobody has seen it", primary_metric="revenue", variants=shares)
    yen = {"currency": "JPY", "total_cents": 500, "lines": (Line(sku="S", quantity=1, price_cents=500),)}
    about = {"identifiers": (visitor(1),), "channel": Channel.WEB, "order_id": "yen"}
    wiring.bus().dispatch([DesignExperiment(design=design, **facts("unseen", START, key="unseen"))])
    wiring.bus().dispatch([PlaceOrder(**yen, **about, **facts("yen", START))])
    unseen = answered(bespoke("attribution", "report", *PERIOD, "--experiment", "unseen", settings=wiring.settings))
    others, ours = (each["personalization"]["words"] for each in unseen["currencies"])
    assert ours == [CREDITED, UNSEEN] and others == [CREDITED, ELSEWHERE.format("USD")]
    none = refused(bespoke("attribution", "report", *PERIOD, "--experiment", "none", settings=wiring.settings))
    assert none == "there is no experiment with this key"


def test_arms_of_the_wrong_size_measure_nothing(wiring: Wiring) -> None:
    begin(wiring)
    lived(wiring, 60)
    views = [RecordView(identifiers=(visitor(n),), channel=Channel.WEB, sku="S", **facts(f"v{n}", START)) for n in MORE]
    wiring.bus().dispatch(views)
    wiring.bus().dispatch([exposed(wiring, number, "bold", START) for number in MORE])
    told = answered(bespoke("attribution", "report", *PERIOD, "--experiment", "hero", settings=wiring.settings))
    beside = told["currencies"][0]["personalization"]
    assert beside["measured"] == [] and beside["words"] == [CREDITED, MISMATCHED]
