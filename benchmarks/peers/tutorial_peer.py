"""PyTorch's tutorial "Transfer Learning for Computer Vision", its loop as it stands there, on SqueezeNet 1.1.

Batches of 4, four worker processes, 25 epochs, SGD 0.001 with momentum 0.9, a tenth every 7 epochs, the weights of the
best epoch kept. ``fixed`` trains the last layer only, ``finetune`` all of them.
"""

import copy
import time

import torch
from safetensors.torch import load_file
from torch import nn, optim
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

from benchmarks.peers.peer import Arguments, Count, arguments, report

EPOCHS, BATCH, WORKERS = 25, 4, 4
NORMALISE = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
TRAIN_VIEW = transforms.Compose(
    [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), transforms.ToTensor(), NORMALISE]
)
VIEW = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), NORMALISE])


def network(given: Arguments) -> tuple[nn.Module, list[nn.Parameter]]:
    """The network with a new last layer, and the parameters to train."""
    model = models.squeezenet1_1()
    model.load_state_dict(load_file(given.weights))
    if given.variant == "fixed":
        model.requires_grad_(False)
    model.classifier[1] = nn.Conv2d(512, len(given.parts.classes), kernel_size=1)
    return model, list(model.classifier[1].parameters() if given.variant == "fixed" else model.parameters())


def epoch(model: nn.Module, loader: DataLoader, optimiser: optim.Optimizer | None = None) -> float:
    """One pass over the images, which trains where there is an optimiser; the accuracy."""
    model.train(optimiser is not None)
    right, images = 0, 0
    for inputs, labels in loader:
        with torch.set_grad_enabled(optimiser is not None):
            outputs = model(inputs)
            loss = nn.functional.cross_entropy(outputs, labels)
            if optimiser:
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        right += int((outputs.argmax(dim=1) == labels).sum())
        images += len(labels)
    return right / images


def main() -> None:
    """Train, keep the best epoch, test."""
    given = arguments(__doc__, ("fixed", "finetune"))
    torch.manual_seed(given.seed)
    parts = given.parts
    train = DataLoader(datasets.ImageFolder(parts.train, TRAIN_VIEW), BATCH, shuffle=True, num_workers=WORKERS)
    watched = DataLoader(datasets.ImageFolder(parts.watched, VIEW), BATCH, shuffle=True, num_workers=WORKERS)
    model, parameters = network(given)
    count = Count()
    count.watch(model.features)
    optimiser = optim.SGD(parameters, lr=0.001, momentum=0.9)
    schedule = lr_scheduler.StepLR(optimiser, step_size=7, gamma=0.1)
    best, accuracy = copy.deepcopy(model.state_dict()), 0.0
    for _ in range(EPOCHS):
        epoch(model, train, optimiser)
        schedule.step()
        seen = epoch(model, watched)
        if seen > accuracy:
            best, accuracy = copy.deepcopy(model.state_dict()), seen
    seconds = time.perf_counter() - given.started
    model.load_state_dict(best)
    if parts.reported != parts.watched:
        accuracy = epoch(model, DataLoader(datasets.ImageFolder(parts.reported, VIEW), BATCH, num_workers=WORKERS))
    report(accuracy, count, seconds)


if __name__ == "__main__":
    main()
