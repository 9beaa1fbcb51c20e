"""scikit-learn's logistic regression, its penalty by cross-validation, on the frozen network's features."""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from regraft.data.find import find_images
from regraft.features.extract import extract
from regraft.network.load import load

PENALTIES = 5


def main(data: Path, weights: str | None = None) -> None:
    """Fit on train/, and print the accuracy on test/."""
    backbone = load("torchvision/squeezenet1_1", weights) if weights else load("embedded")
    features = extract(find_images(data), backbone)
    parts = np.array([file.split for file in features.images.files])
    train, test = (np.flatnonzero(parts == name) for name in ("train", "test"))
    x = features.pooled(backbone.cuts[-1:], np.arange(len(parts)))
    model = make_pipeline(StandardScaler(), LogisticRegressionCV(Cs=PENALTIES, max_iter=1000))
    model.fit(x[train], features.labels[train])
    accuracy = float((model.predict(x[test]) == features.labels[test]).mean())
    print(json.dumps({"accuracy": accuracy}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
