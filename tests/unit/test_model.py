"""Verbs of `mixirt.Model`: what they address, what they change, what they refuse, how it prints."""

import inspect

import numpy as np
import pytest

import mixirt
from mixirt import Model, SpecError, priors

CALIBRATED = 1e-3
"""Fits stop within 1e-5 of the maximum in every parameter; a mean sums up many."""

GROUPS = {"groups": ["a", "b"], "n_classes": 2}
Q = [[1, 0], [1, 0], [0, 1], [0, 1]]


def general() -> Model:
    """Two groups, two classes, two attributes, three categories."""
    return Model("gpcm", items=["p", "q", "r", "s"], n_categories=3, q_matrix=Q, **GROUPS)


def fixed_cells(model: Model, kind: str) -> list[str]:
    table = model.table
    chosen = np.flatnonzero(table.is_fixed & table.cells.is_kind(kind))
    return [model.design.describe(int(c)) for c in chosen]


@pytest.mark.parametrize(
    ("kind", "where", "n"),
    [
        ("slope", {}, 16),
        ("slope", {"item": "p"}, 4),
        ("slope", {"item": ["p", "q"], "group": "a"}, 4),
        ("slope", {"attribute": "theta2", "class_": 1}, 4),
        ("slope", {"item": "r", "group": "b", "class_": 2}, 1),
        ("intercept", {}, 32),
        ("intercept", {"category": 2}, 16),
        ("intercept", {"category": [1, 2], "item": "s", "group": "b"}, 4),
        ("mean", {"attribute": "theta1"}, 4),
        ("variance", {"group": "a"}, 4),
        ("covariance", {}, 4),
        ("covariance", {"attribute": ["theta1", "theta2"], "class_": 2}, 2),
    ],
)
def test_fix_addresses_by_every_part(kind, where, n):
    # Means and variances are fixed to begin with, so everything is freed first.
    model = general().free(kind).fix(kind, 0.25, **where)
    assert len(fixed_cells(model, kind)) == n


def test_proportions_are_addressed_by_group_and_class():
    model = general().fix("proportion", 0.3, group="a", class_=1)
    assert fixed_cells(model, "proportion") == ["proportion in group 'a', class 1"]


def test_guessing_is_given_as_a_probability():
    model = Model("3pl", items=5).fix("guessing", 0.2, item="item1")
    cell = int(np.flatnonzero(model.table.is_fixed & model.table.cells.is_kind("guessing"))[0])
    assert model.table.value[cell] == pytest.approx(np.log(0.2 / 0.8))
    assert "=0.2" in str(model)


def test_one_value_for_each_matched_parameter():
    model = Model("2pl", items=3).fix("slope", [1.0, 2.0, 3.0])
    assert model.table.value[model.table.cells.is_kind("slope")].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.fix("slope", 1),
        lambda m: m.free("mean"),
        lambda m: m.tie("slope"),
        lambda m: m.start("slope", 1.0),
        lambda m: m.prior("slope", priors.normal(1, 1)),
        lambda m: m.bound("slope", 0.0),
    ],
)
def test_a_verb_leaves_the_model_it_was_called_on(change):
    model = Model("2pl", items=4)
    before = str(model)
    assert str(change(model)) != before
    assert str(model) == before


def test_ties_keep_attribute_and_category_apart():
    model = general()
    assert model.tie("intercept").n_parameters == model.n_parameters - 32 + 2
    assert model.tie("slope").n_parameters == model.n_parameters - 16 + 2
    assert model.tie("slope", across="group").n_parameters == model.n_parameters - 8
    everything = ("item", "group", "class", "attribute")
    assert model.tie("slope", across=everything).n_parameters == model.n_parameters - 15


def test_freeing_a_tied_parameter_leaves_the_others_tied():
    model = Model("1pl", items=5).free("slope", item="item2")
    assert model.n_parameters == 5 + 1 + 1


def test_settings_of_a_tie_belong_to_all_of_it():
    model = Model("1pl", items=3).start("slope", 1.5, item="item3")
    slope = model.table.cells.is_kind("slope")
    assert model.table.start[slope].tolist() == [1.5, 1.5, 1.5]


REFUSALS = [
    (lambda m: m.fix("slope", 1, item="item1").tie("slope"), "fixed at 1 and cannot be tied"),
    (lambda m: m.tie(["slope", "intercept"]), "different kinds"),
    (
        lambda m: m.prior("slope", priors.normal(0, 1), item="item1").tie("slope"),
        "different priors",
    ),
    (lambda m: m.bound("slope", 2, 1), "must be below the upper one; found"),
    (lambda m: m.bound("slope", upper=0).bound("slope", lower=1), "leave no room"),
    (lambda m: m.start("slope", 3).bound("slope", 0, 2), "cannot start at 3"),
    (lambda m: m.bound("slope", 0, 2).start("slope", 3), "cannot start at 3"),
    (lambda m: m.bound("slope", "x"), "must be a number"),
    (lambda m: m.fix("slope", 1, item="itm1"), "did you mean 'item1'"),
    (lambda m: m.fix("slop", 1), "did you mean 'slope'"),
    (lambda m: m.fix("slope", 1, attribute="thta"), "did you mean 'theta'"),
    (lambda m: m.fix("slope", 1, group="x"), "unknown group 'x'"),
    (lambda m: m.fix("slope", 1, class_=2), "unknown class '2'"),
    (lambda m: m.fix("intercept", 1, category=2), r"has 1 \(into category 1\)"),
    (lambda m: m.fix("slope", float("nan")), "must be a number; found NaN"),
    (lambda m: m.fix("slope", float("inf")), "must be finite"),
    (lambda m: m.fix("slope", "one"), "must be a number"),
    (lambda m: m.fix("slope"), "takes the value at which to hold the slope"),
    (lambda m: m.fix("slope", [1, 2]), "2 values were given for the 5"),
    (lambda m: m.fix("variance", -1), "must be positive"),
    (lambda m: m.fix("guessing", 0.2), "no guessing"),
    (lambda m: m.fix("slope", 1).start("slope", 2), "free it before"),
    (lambda m: m.prior("slope", "normal"), "made by mixirt.priors"),
    (lambda m: m.prior("slope", priors.beta(2, 2)), "for guessing probabilities"),
    (lambda m: m.tie("slope", item="item1"), "nothing to tie"),
    (lambda m: m.tie("slope", across="items"), "did you mean 'item'"),
]


@pytest.mark.parametrize(("change", "words"), REFUSALS)
def test_conflicts_are_refused_in_words(change, words):
    with pytest.raises(SpecError, match=words):
        change(Model("2pl", items=5))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.prior("proportion", priors.normal(0.5, 0.1)), "take no prior: .*fix or tie"),
        (lambda m: m.bound("proportion", 0.1, 0.5), "take no bounds but 0 and 1: .*fix or tie"),
    ],
)
def test_what_the_closed_form_of_proportions_would_ignore_is_refused(change, words):
    model = Model("2pl", items=5, n_classes=2)
    with pytest.raises(SpecError, match=words):
        change(model)
    assert model.prior("proportion", None).n_parameters == model.n_parameters


@pytest.mark.parametrize(("value", "words"), [(1.5, "between 0 and 1"), (1.0, "below 1")])
def test_guessing_outside_its_range_is_refused(value, words):
    with pytest.raises(SpecError, match=words):
        Model("3pl", items=5).fix("guessing", value)


def test_covariances_of_no_distribution_are_refused():
    model = Model("2pl", items=4, q_matrix=Q)
    model.fix("covariance", 0.99).check()
    with pytest.raises(
        SpecError, match="'theta1', 'theta2' are fixed are those of no distribution"
    ):
        model.fix("covariance", 1.5).check()
    model.fix("covariance", 1.5).fix("variance", 2.0).check()


def test_labels_may_be_numbers():
    model = Model(
        {1: "2pl", 2: "rasch", 3: "2pl"},
        items=[1, 2, 3],
        groups=[10, 20],
        reference=20,
        invariance="scalar",
        free_items=[3],
        items_by_group={10: [1, 2, 3]},
        category_scores={1: [0, 2]},
    )
    assert model.fix("slope", 1, item=1, group=10).design.items == ("1", "2", "3")
    assert "group '20'" in str(model)


#: Hand counts: items, then what each item has, then distributions and proportions.
COUNTS = [
    (Model("rasch", items=7), 7 + 1),
    (Model("1pl", items=7), 7 + 1),
    (Model("2pl", items=7), 14),
    (Model("3pl", items=7), 21),
    (Model("pcm", items=4, n_categories=[2, 3, 4, 5]), 1 + 2 + 3 + 4 + 1),
    (Model("gpcm", items=4, n_categories=5), 4 * 5),
    (Model("grm", items=4, n_categories=5), 4 * 5),
    (Model("2pl", items=4, q_matrix=Q), 8 + 1),
    (Model("2pl", items=5, groups=["a", "b"]), 20),
    (Model("2pl", items=5, groups=["a", "b", "c"], invariance="metric"), 5 + 15 + 2),
    (Model("2pl", items=5, groups=["a", "b", "c"], invariance="scalar"), 10 + 4),
    (Model("2pl", items=5, groups=["a", "b"], invariance="scalar", free_items=["item1"]), 12 + 2),
    (Model("2pl", items=5, n_classes=2), 20 + 1),
    (Model("2pl", items=5, n_classes=3, groups=["a", "b"]), 60 + 4),
    (Model("2pl", items=5, n_classes=2, class_invariance="scalar"), 10 + 2 + 1),
    (Model("2pl", items=4, q_matrix=np.zeros((4, 0)), n_classes=2), 8 + 1),
    (Model("grm", items=3, n_categories=4, q_matrix=np.zeros((3, 0)), n_classes=3), 27 + 2),
    (mixirt.bifactor(["x"] * 3 + ["y"] * 3), 18),
]


@pytest.mark.parametrize(("model", "n"), COUNTS)
def test_n_parameters_is_the_hand_count(model, n):
    assert model.n_parameters == n
    assert f" parameters, {n} to be estimated" in str(model)


def test_print_shows_what_is_fixed_tied_and_set():
    text = str(
        Model("2pl", items=4)
        .fix("slope", 1.5, item="item1")
        .tie("slope", item=["item2", "item3"])
        .prior("slope", priors.lognormal(0, 0.5), item="item4")
        .bound("intercept", -3, 3, item="item4")
    )
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line}
    assert rows["item1"] == ["=1.5", "free"]
    assert rows["item2"] == rows["item3"] == ["#1", "free"]
    assert rows["item4"] == ["*free", "*free"]
    assert "prior lognormal(0, 0.5)" in text
    assert "intercept of item 'item4': between -3 and 3" in text


def test_print_stays_within_eighty_columns():
    names = [f"a very long name of an item, number {i}" for i in range(100)]
    specific = [f"a long specific attribute {i // 10}" for i in range(100)]
    model = mixirt.bifactor(specific, "grm", items=names, n_categories=7, groups=["g" * 30, "h"])
    assert max(len(line) for line in str(model).splitlines()) <= 80


def test_a_model_said_by_hand_gives_the_fit_of_its_name():
    responses = mixirt.datasets.load("lsat7").responses
    named = mixirt.fit(responses, "1pl")
    by_hand = mixirt.fit(responses, Model("2pl", items=5).tie("slope"))
    assert by_hand.loglik == named.loglik
    assert by_hand.n_parameters == named.n_parameters


def test_anchors_take_over_the_scale():
    dataset = mixirt.datasets.load("lsat7").responses
    bank = mixirt.fit(dataset, "2pl")
    model = Model("2pl", items=5).anchor(bank)
    assert model.n_parameters == 2
    again = mixirt.fit(dataset, model)
    # At a maximum of the likelihood the anchored distribution is the one it was calibrated with.
    assert again.mean()[0] == pytest.approx(0.0, abs=CALIBRATED)
    assert again.covariance()[0, 0] == pytest.approx(1.0, abs=CALIBRATED)
    part = Model("2pl", items=5).anchor(bank, items=["item2"])
    assert part.n_parameters == 8 + 2


def test_anchors_free_no_more_than_they_identify():
    responses = mixirt.datasets.load("lsat7").responses
    bank = mixirt.fit(responses, "2pl")
    mixed = Model("2pl", items=8, q_matrix=[[1, 0]] * 5 + [[0, 1]] * 3, attributes=["theta", "x"])
    anchored = mixed.anchor(bank, items=["item1"])
    free = np.flatnonzero(~anchored.table.is_fixed & anchored.table.cells.is_kind("mean"))
    assert [anchored.design.describe(int(c)) for c in free] == ["mean of 'theta'"]


@pytest.mark.parametrize(
    ("model", "items", "words"),
    [
        (
            Model("2pl", items=["x", *list("abcd")]),
            None,
            "nothing to anchor: the items are 'x', 'a'",
        ),
        (Model("2pl", items=5), ["item9"], "unknown item 'item9'"),
        (Model("3pl", items=5), None, "not the same in both models"),
        (Model("2pl", items=5, attributes=["other"]), None, "measuring other here"),
    ],
)
def test_anchors_that_do_not_fit_are_refused(model, items, words):
    bank = mixirt.fit(mixirt.datasets.load("lsat7").responses, "2pl")
    with pytest.raises(SpecError, match=words):
        model.anchor(bank, items=items)


def test_bifactor_refuses_what_it_makes_itself():
    with pytest.raises(SpecError, match="q_matrix cannot be given"):
        mixirt.bifactor(["x"] * 4, q_matrix=Q)
    with pytest.raises(SpecError, match="other than 'general'"):
        mixirt.bifactor([None] * 4)
    with pytest.raises(SpecError, match="'b' is not in specific"):
        mixirt.bifactor({"a": "x"}, items=["a", "b"])


def test_responses_say_items_and_categories():
    timss = mixirt.datasets.load("timss_aus_twn")
    frame = timss.frame().drop(columns="country")
    model = Model("gpcm", responses=frame, groups=["36", "158"])
    assert model.design.items == tuple(frame)
    assert model.design.n_categories == (frame.max().astype(int) + 1).tolist()
    science = mixirt.datasets.load("science").frame().replace(4, 9)
    model = Model("grm", responses=science, categories=[1, 2, 3], missing=9)
    assert model.design.category_labels == ((1, 2, 3),) * 4
    model = Model.latent_class(2, responses=frame)
    assert model.design.n_categories == (frame.max().astype(int) + 1).tolist()


def test_bifactor_takes_items_and_categories_from_responses():
    frame = mixirt.datasets.load("timss_aus_twn").frame().drop(columns="country")
    stem = dict.fromkeys(reversed(list(frame)), "stem")
    model = mixirt.bifactor({**stem, "M032166": None}, "gpcm", responses=frame)
    assert model.design.items == tuple(frame)
    assert model.design.n_categories == (frame.max().astype(int) + 1).tolist()
    assert not model.design.q_matrix[0, 1]
    with pytest.raises(SpecError, match="items cannot be given together with responses"):
        mixirt.bifactor(stem, "gpcm", responses=frame, items=list(frame))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "a model needs items=, their number or names, or responses="),
        ({"items": 2, "responses": [[0, 1], [1, 0]]}, "items and n_categories cannot be given"),
        ({"n_categories": 2, "responses": [[0, 1], [1, 0]]}, "items and n_categories cannot be"),
        ({"items": 2, "missing": 9}, "missing codes are those of responses="),
    ],
)
def test_items_are_said_once(settings, words):
    with pytest.raises(SpecError, match=words):
        Model(**settings)


def test_a_model_with_too_few_categories_says_how_many_there_should_be():
    responses = [[0, 1], [2, 0], [1, 1], [2, 0]]
    with pytest.raises(mixirt.DataError, match=r"'item1' has 3 .* n_categories=\[3, 2\], or with"):
        mixirt.fit(responses, Model("gpcm", items=2))
    with pytest.raises(mixirt.DataError, match="not a category of the item"):
        mixirt.fit([[0, 1], [-2, 0]], Model("gpcm", items=2))


def test_help_of_fit_shows_every_setting_of_a_model():
    settings = set(inspect.signature(Model).parameters)
    settings -= {"items", "responses", "n_categories"}  # the responses of the fit say them
    assert settings <= set(inspect.signature(mixirt.fit).parameters)
