"""PyTorch Lightning's example "computer_vision_fine_tuning", its recipe as it stands there, on SqueezeNet 1.1.

Batches of 8, 15 epochs of Adam from 0.001: a head of three layers alone, from epoch 5 also the last five modules, from
epoch 10 all, the rate a tenth at both; images squeezed to 224 pixels and flipped. The last epoch is kept.
"""

import time

import lightning
import torch
from lightning.pytorch.callbacks import BaseFinetuning
from safetensors.torch import load_file
from torch import nn, optim
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

from benchmarks.peers.peer import Arguments, Count, arguments, report

EPOCHS, BATCH, MILESTONES = 15, 8, (5, 10)
NORMALISE = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
VIEW = transforms.Compose([transforms.Resize((224, 224)), transforms.ToTensor(), NORMALISE])
TRAIN_VIEW = transforms.Compose([transforms.RandomHorizontalFlip(), VIEW])


class Milestones(BaseFinetuning):
    """Unfreezes the last five modules at the first milestone and the others at the second."""

    def freeze_before_training(self, pl_module: lightning.LightningModule) -> None:
        """All of the network but the head."""
        self.freeze(pl_module.extractor, train_bn=False)

    def finetune_function(self, pl_module: lightning.LightningModule, epoch: int, optimizer: optim.Optimizer) -> None:
        """At a milestone."""
        if epoch in MILESTONES:
            modules = pl_module.extractor[-5:] if epoch == MILESTONES[0] else pl_module.extractor[:-5]
            self.unfreeze_and_add_param_group(modules, optimizer, train_bn=False)


class Transfer(lightning.LightningModule):
    """The network up to its pooling, and the example's head."""

    def __init__(self, given: Arguments) -> None:
        super().__init__()
        network = models.squeezenet1_1()
        network.load_state_dict(load_file(given.weights))
        self.extractor = nn.Sequential(*network.features, nn.AdaptiveAvgPool2d(1))
        classes = len(given.parts.classes)
        self.head = nn.Sequential(nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 32), nn.Linear(32, classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits: (images, classes)."""
        return self.head(self.extractor(images).flatten(1))

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        """The loss of one batch."""
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: list[torch.Tensor], _: int) -> None:
        """Log the accuracy."""
        self.log("accuracy", (self(batch[0]).argmax(dim=1) == batch[1]).float().mean(), prog_bar=True)

    def configure_optimizers(self) -> tuple[list[optim.Optimizer], list[optim.lr_scheduler.LRScheduler]]:
        """Adam on what is not frozen, a tenth of the rate at each milestone."""
        optimiser = optim.Adam([p for p in self.parameters() if p.requires_grad], lr=1e-3)
        return [optimiser], [optim.lr_scheduler.MultiStepLR(optimiser, MILESTONES, gamma=0.1)]


def main() -> None:
    """Train, test."""
    given = arguments(__doc__)
    lightning.seed_everything(given.seed)
    train, watched, reported = (
        DataLoader(datasets.ImageFolder(folder, view), BATCH, shuffle=view is TRAIN_VIEW)
        for folder, view in (
            (given.parts.train, TRAIN_VIEW),
            (given.parts.watched, VIEW),
            (given.parts.reported, VIEW),
        )
    )
    model, count = Transfer(given), Count()
    count.watch(model.extractor)
    trainer = lightning.Trainer(
        max_epochs=EPOCHS, enable_model_summary=False, num_sanity_val_steps=0, callbacks=[Milestones()]
    )
    trainer.fit(model, train, watched)
    seconds = time.perf_counter() - given.started
    report(trainer.validate(model, reported, verbose=False)[0]["accuracy"], count, seconds)


if __name__ == "__main__":
    main()
