import numpy as np

from regraft.features.logme import logme


def test_logme_prefers_features_that_tell_the_classes_apart() -> None:
    draw = np.random.default_rng(0)
    labels = np.arange(300) % 3
    noise = draw.normal(size=(300, 20))
    told = noise + 3 * np.eye(20)[labels]
    assert logme(told, labels) > logme(noise + 0.5 * np.eye(20)[labels], labels) > logme(noise, labels)
