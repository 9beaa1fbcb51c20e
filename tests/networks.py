"""The short list of architectures that every contract is tested on."""

CONTRACT = [
    "resnet18",
    "vgg11",
    "torchvision/squeezenet1_1",
    "densenet121",
    "mobilenetv3_small_100",
    "efficientnet_b0",
    "convnext_atto",
    "regnetx_002",
]
