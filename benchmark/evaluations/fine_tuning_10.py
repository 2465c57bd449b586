"""Evaluation `fine-tuning-10`: fine-tuning on a tenth of the labels (SimCore, Table 7b).

The ratios of the paper's table are not known to this project; a tenth is the example of the released script.
"""

from benchmark.evaluations import ACCURACY, Evaluation, Question
from benchmark.evaluations.fine_tuning import KIND, FineTuning, lacks, spec_of


def _spec(question: Question) -> FineTuning:
    return spec_of(question, percent=10)


entry = Evaluation("fine-tuning-10", "fine-tuning, 10 % labels", KIND, (ACCURACY,), _spec, lacks=lacks)
