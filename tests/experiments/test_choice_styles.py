"""Lines of chosen optimizers: one color per optimizer, other lines for its variants."""

from adamcmp.experiments.choice_styles import choice_handles, choice_styles
from adamcmp.experiments.optimizer_choice import OptimizerChoice

CHOICES = [OptimizerChoice.parse(text) for text in ("sgd", "sgd:momentum=0", "adamw", "sgd:lr=1")]


def test_variants_share_a_color_and_differ_in_their_lines():
    styles = choice_styles(CHOICES)
    sgd = [styles[0], styles[1], styles[3]]
    assert len({style["color"] for style in sgd}) == 1
    assert len({style["ls"] for style in sgd}) == len({style["marker"] for style in sgd}) == 3
    assert styles[2]["color"] != styles[0]["color"]


def test_legend():
    labels = [handle.get_label() for handle in choice_handles(CHOICES)]
    assert labels == ["SGD", "SGD, momentum 0", "AdamW", "SGD, lr 1"]
