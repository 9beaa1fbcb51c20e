"""The words of the report, each in one sentence, and links to them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

WORDS = {
    "source": "The images that the network learned from before; for most networks photographs of a thousand kinds.",
    "backbone": "The pre-trained network, without its own classifier.",
    "cut": "A named place in the network where its later layers can be taken away.",
    "head": "The new last layer, which turns what the network sees into your classes. On frozen layers it is solved.",
    "discriminant": "A head that takes each class for a cloud of points and divides the clouds; few images do.",
    "joined features": "What the network sees at several cuts, side by side, as the input of one head.",
    "loss": "How far the probabilities lie from the truth. Smaller is better: right answers are given more surely.",
    "frozen": "Left exactly as it was: training changes no weight of these layers.",
    "fine-tune": "To train the pre-trained layers on with your images, under a new head.",
    "from scratch": "Trained from random weights, with nothing of the pre-trained network but its shape.",
    "probe": "A simple classifier on the features at one cut. It tells how much these features help with your classes.",
    "similarity": "The probability that your images are like the source's; from a dividing line on they count so.",
    "shift": "How far the network's activations on your images lie from those on the source's images.",
    "95% interval": "Where the true figure lies in 95 of 100 such samples. More test images make it narrower.",
    "training images": "The images whose labels the training sees.",
    "validation": "Images that choose between settings; as the only part beside training they are reported on.",
    "test": "Images that train nothing and choose nothing. The figures of this report are of such images.",
    "accuracy": "The share of images whose class is named rightly.",
    "balanced accuracy": "The share named rightly in each class, averaged over the classes: rare ones count as much.",
    "precision": "Of the images that are taken for a class, the share that is of it.",
    "recall": "Of the images of a class, the share that is found.",
    "F1": "Precision and recall in one figure, their harmonic mean. Macro F1 is its mean over classes.",
    "nearest neighbour": "A comparison: every image gets the class of the training image most like it.",
    "calibration": "Whether probabilities are true: of the answers given with 80%, 80 of 100 should be right.",
    "near-duplicate": "An image of the same picture or scene as another. In two parts they flatter the figures.",
    "label issue": "An image whose label a classifier that had not seen it does not believe.",
    "slice": "Some of the images, such as those of one folder or size, judged by themselves.",
    "epoch": "One round of training over all training images.",
}


def anchor(word: str) -> str:
    """Where the page explains a word."""
    return "word-" + "".join(letter if letter.isalnum() else "-" for letter in word.lower())


def link(word: str, shown: str = "") -> "Markup":
    """The word, or how it is written in a sentence, as a link to what it means."""
    from markupsafe import Markup

    attributes = f'class="word" href="#{anchor(word)}"'
    return Markup('<a {} title="{}">{}</a>').format(Markup(attributes), WORDS[word], shown or word)
