"""What recommendations are credited with, and beside it what an experiment measured: two things, told apart."""

from app.wiring import Wiring
from queries.attribution_personalization import CREDITED, MEASURED, UNMEASURED
from tests.app.test_cli import answered, bespoke, refused
from tests.app.test_experiment_report import begin, lived

PERIOD = ("--from", "2026-04-25", "--to", "2026-06-30", "--model", "linear", "--json")


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
    none = refused(bespoke("attribution", "report", *PERIOD, "--experiment", "none", settings=wiring.settings))
    assert none == "there is no experiment with this key"
