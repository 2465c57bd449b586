"""Evaluation `retrieval-plain`: retrieval by the plain average of the feature map, also for LCR, which pools by a map.

Every other encoder is read that way anyway: this is then the same stage as `retrieval`.
"""

from benchmark.evaluations import Evaluation, Question
from benchmark.evaluations.retrieval import KIND, MEASURES, Retrieval, lacks


def _spec(question: Question) -> Retrieval:
    plain = {"token": "plain"} if question.recipe.method.wraps_encoder else {}
    return Retrieval(embedding=question.embedding.model_copy(update=plain))


entry = Evaluation(
    "retrieval-plain",
    "retrieval, plain pooling",
    KIND,
    MEASURES,
    _spec,
    splits=("test",),
    features=("test",),
    lacks=lacks,
)
