"""The networks of the seed paper, as their libraries define them, and how a user's weights get into them.

ResNets come from torchvision, CLIP's image encoders from open_clip (the ModifiedResNet of OpenAI's own code). Their mean,
std, resize and kernel come from the libraries too. CLIP's vision transformers are no backbones here: all their layers
have one grid, and PatchCore joins two.
"""

import dataclasses
import hashlib
import pathlib
import re
import typing

import open_clip
import torch
import torchvision
from open_clip.modified_resnet import ModifiedResNet
from torchvision.models.feature_extraction import create_feature_extractor

LAYERS = ("layer1", "layer2", "layer3")
STRIDES = (4, 8, 16)
LEVELS = 255  # libraries state mean and std for pixels from 0 to 1


class WrongWeights(Exception):
    """A weights file that does not belong to the network."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What is known of a backbone before any weights are loaded."""

    build: typing.Callable[[], torch.nn.Module]
    # The network → a module that maps images [N, 3, H, W], normalised, to the maps of LAYERS.
    features: typing.Callable[[torch.nn.Module], torch.nn.Module]
    # The content of a weights file → the state dict of what `build` returns.
    pick_state: typing.Callable[[dict], dict]
    side: int  # of the input, pixels
    shorter_side: int  # before the middle `side` × `side` pixels are cut out
    kernel: str
    mean: tuple
    std: tuple
    library: str
    licence: str
    published: str  # what the library calls its weights
    published_sha256: str  # of the file of these weights, as far as the library tells; "" where it has none


class ClipFeatures(torch.nn.Module):
    """CLIP's image encoder without its last stage and its attention pool."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        # Index 0 is the stem, 1 to 3 are the stages of strides 4, 8 and 16.
        found = self.network.forward_intermediates(images, indices=[1, 2, 3], stop_early=True, intermediates_only=True)
        return tuple(found["image_intermediates"])


class TorchvisionFeatures(torch.nn.Module):
    """A torchvision ResNet without its last stage and its classifier."""

    def __init__(self, network):
        super().__init__()
        self.extractor = create_feature_extractor(network, {name: name for name in LAYERS})

    def forward(self, images):
        found = self.extractor(images)
        return tuple(found[name] for name in LAYERS)


def torchvision_recipe(name):
    weights = torchvision.models.get_model_weights(name).IMAGENET1K_V1
    presets = weights.transforms()
    return Recipe(
        build=lambda: torchvision.models.get_model(name, weights=None),
        features=TorchvisionFeatures,
        pick_state=lambda content: content,
        side=presets.crop_size[0],
        shorter_side=presets.resize_size[0],
        kernel={"bilinear": "linear"}[presets.interpolation.value],
        mean=tuple(presets.mean),
        std=tuple(presets.std),
        library=f"torchvision {torchvision.__version__.split('+')[0]} {name}",
        licence="BSD-3-Clause (torchvision)",
        published="IMAGENET1K_V1",
        # torchvision writes the first eight digits of the digest into the file's name.
        published_sha256=re.search(r"-([0-9a-f]{8})\.pth$", weights.url).group(1),
    )


def clip_state(content):
    """Only the image encoder, as float32: OpenAI's archives hold the text encoder too, and float16."""
    visual = {key[len("visual.") :]: value.float() for key, value in content.items() if key.startswith("visual.")}
    if not visual:
        raise WrongWeights("expected weights of a CLIP model, whose names begin with visual., but there are none")
    if "conv1.weight" in visual and "class_embedding" in visual:
        raise WrongWeights("expected a CLIP ResNet but these are the weights of a vision transformer, which is no backbone here")
    return visual


def clip_network(config, heads_width=64):
    vision = config["vision_cfg"]
    # As open_clip's and OpenAI's own code count the heads of the attention pool, which is cut off here all the same.
    heads = max(1, vision["width"] * 32 // heads_width)
    return ModifiedResNet(vision["layers"], config["embed_dim"], heads, vision["image_size"], vision["width"])


def clip_recipe(config, published, url, kernel="bicubic"):
    side = config["vision_cfg"]["image_size"]
    digest = re.search(r"/([0-9a-f]{64})/", url)
    return Recipe(
        build=lambda: clip_network(config),
        features=ClipFeatures,
        pick_state=clip_state,
        side=side,
        shorter_side=side,
        kernel=kernel,
        mean=open_clip.OPENAI_DATASET_MEAN,
        std=open_clip.OPENAI_DATASET_STD,
        library=f"open_clip {open_clip.__version__} ModifiedResNet",
        licence="MIT (open_clip, OpenAI CLIP)",
        published=published,
        published_sha256=digest.group(1) if digest else "",
    )


def openai_recipe(name):
    pretrained = open_clip.get_pretrained_cfg(name, "openai")
    config = open_clip.get_model_config(name)
    return clip_recipe(config, f"OpenAI's {name}", pretrained["url"], pretrained["interpolation"])


# One block a stage and four channels: some kilobytes for tests, everything else as in the large ones.
TINY = {"embed_dim": 8, "vision_cfg": {"layers": (1, 1, 1, 1), "width": 4, "image_size": 64}}

RECIPES = {
    "resnet18": lambda: torchvision_recipe("resnet18"),
    "resnet50": lambda: torchvision_recipe("resnet50"),
    "resnet101": lambda: torchvision_recipe("resnet101"),
    "wide-resnet50-2": lambda: torchvision_recipe("wide_resnet50_2"),
    "clip-rn50": lambda: openai_recipe("RN50"),
    "clip-rn101": lambda: openai_recipe("RN101"),
    "clip-rn50x4": lambda: openai_recipe("RN50x4"),
    "clip-rn50x16": lambda: openai_recipe("RN50x16"),
    "clip-rn50x64": lambda: openai_recipe("RN50x64"),
    "clip-tiny": lambda: clip_recipe(TINY, "", ""),
}


def read_weights(path):
    """A TorchScript archive (as OpenAI publishes CLIP) or a saved state dict (as torchvision does) → name: tensor."""
    if not pathlib.Path(path).is_file():
        raise WrongWeights(f"expected a file of weights in {path} but there is none")
    try:
        content = torch.jit.load(path, map_location="cpu").state_dict()
    except RuntimeError:
        try:
            # weights_only: a pickle may run code, a table of tensors may not.
            content = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise WrongWeights(f"expected a TorchScript archive or a state dict in {path} but {error!r}") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(one, torch.Tensor) for one in content.values()):
        raise WrongWeights(f"expected a state dict of tensors in {path} but it holds {type(content).__name__}")
    return content


def load_weights(network, recipe, path):
    """Puts a file's weights into the network, all of them. @returns where they come from, in words"""
    state = recipe.pick_state(read_weights(path))
    # A counter of the training, absent from older files; nothing is computed from it.
    counters = {key: value for key, value in network.state_dict().items() if key.endswith("num_batches_tracked")}
    try:
        network.load_state_dict({**counters, **state}, strict=True)
    except RuntimeError as error:
        raise WrongWeights(f"expected weights of {recipe.library} in {path} but {error}") from error
    digest = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    known = recipe.published_sha256 != "" and digest.startswith(recipe.published_sha256)
    what = f"weights {recipe.published}" if known else f"weights that are not {recipe.published} as published"
    return f"{what} (file {pathlib.Path(path).name}, SHA-256 {digest})"


def randomise(network, seed):
    """Random weights under which every branch carries signal. @returns where they come from, in words

    A fresh network would not do for a comparison: CLIP's residual branches begin at zero, and every batch
    normalisation does nothing.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.3, 0.6, generator=generator)
                module.bias.normal_(0, 0.1, generator=generator)
                module.running_mean.normal_(0, 0.1, generator=generator)
                module.running_var.uniform_(0.5, 1.5, generator=generator)
            elif isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu", generator=generator)
    return f"RANDOM weights (seed {seed}): it computes what the network computes, and has learned nothing"
