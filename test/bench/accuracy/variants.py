"""The variants under test: what becomes of a backbone's feature maps before they are compared.

Every transform is fitted on nominal patches alone. A variant gives banks in the form of embedding_tail.py, and says how the
patch distances become patch scores ("density": divided by the nearest row's nominal radius).
"""

import dataclasses
import hashlib

import numpy as np

SHRINKAGE = 0.05
SAMPLES = 40_000

L2, L3, E2, E3 = "layer2", "layer3", "expand2", "expand3"


@dataclasses.dataclass(frozen=True)
class Variant:
    """How a variant is built; the defaults are the preset `edge`."""

    note: str
    size: int = 320
    stages: tuple = ("layer2", "layer3")
    # "mean", "binomial" (1 2 1 both ways), "none", "convolution" (kernels over 3 x 3), "mixed" (half of the variance from
    # the mean, half from the convolution), "reduce" (1 x 1, then the mean)
    neighbourhood: str = "mean"
    # which components: "largest", "smallest", "random"
    components: str = "largest"
    # whitening exponent of the components, and of the joined embedding (None: no matrix at all)
    alpha: float = 0.0
    joint_alpha: float | None = None
    joint_dims: int | None = None
    # components of a stage of stride 8, where not as `kept` says
    shallow: int | None = None
    # as many components of a stage as it has channels, so that the embedding is no wider than the edge preset's
    as_wide: bool = False
    # variance of stride 8 times this, the mean kept
    emphasis: float | None = None
    shrinkage: float = SHRINKAGE
    apart: bool = False
    density: bool = False
    # the largest of the means of 3 x 3 patch scores, not the largest patch score
    mean_scores: bool = False
    # stages that the neighbourhood above is for; the others keep the mean
    only: tuple | None = None


VARIANTS = {
    "mean": Variant("mean over 3 x 3 (edge)"),
    "none": Variant("no neighbourhood", neighbourhood="none"),
    "mean@224": Variant("edge at 224", size=224),
    "mean@448": Variant("edge at 448", size=448),
    "layer3@448": Variant("layer 3 alone at 448", size=448, stages=(L3,)),
    "conv-0": Variant("PCA convolution, a = 0", neighbourhood="convolution"),
    "conv-1/4": Variant("PCA convolution, a = 1/4", neighbourhood="convolution", alpha=0.25),
    "conv-1/2": Variant("PCA convolution, a = 1/2", neighbourhood="convolution", alpha=0.5),
    "conv-1": Variant("PCA convolution, a = 1", neighbourhood="convolution", alpha=1.0),
    "conv-random": Variant("control: random orthogonal kernels", neighbourhood="convolution", components="random"),
    "conv-smallest": Variant("control: lowest-variance kernels", neighbourhood="convolution", components="smallest"),
    "conv2-1/2": Variant("PCA convolution of layer 2 alone, a = 1/2", neighbourhood="convolution", alpha=0.5, only=(L2,)),
    "conv3-1/2": Variant("PCA convolution of layer 3 alone, a = 1/2", neighbourhood="convolution", alpha=0.5, only=(L3,)),
    "conv2-1": Variant("PCA convolution of layer 2 alone, a = 1", neighbourhood="convolution", alpha=1.0, only=(L2,)),
    "conv2-white-1/2": Variant(
        "PCA convolution of layer 2, joined, then a = 1/2", neighbourhood="convolution", only=(L2,), joint_alpha=0.5, joint_dims=152
    ),
    "conv2-white-1": Variant(
        "PCA convolution of layer 2, joined, then a = 1", neighbourhood="convolution", only=(L2,), joint_alpha=1.0, joint_dims=152
    ),
    "conv2-28-white-1/2": Variant(
        "28 components of layer 2, joined, then a = 1/2", neighbourhood="convolution", only=(L2,), joint_alpha=0.5, shallow=28
    ),
    "mixed2": Variant(
        "mean and PCA convolution of layer 2, a = 1/2, no wider", neighbourhood="mixed", alpha=0.5, only=(L2,), as_wide=True
    ),
    "mixed2-shrunk-0": Variant(
        "mixed2, shrinkage 0", neighbourhood="mixed", alpha=0.5, only=(L2,), as_wide=True, shrinkage=0.0
    ),
    "mixed2-shrunk-0.01": Variant(
        "mixed2, shrinkage 0.01", neighbourhood="mixed", alpha=0.5, only=(L2,), as_wide=True, shrinkage=0.01
    ),
    "mixed2-shrunk-0.2": Variant(
        "mixed2, shrinkage 0.2", neighbourhood="mixed", alpha=0.5, only=(L2,), as_wide=True, shrinkage=0.2
    ),
    "mixed2-random": Variant(
        "mean and random orthogonal kernels of layer 2, no wider",
        neighbourhood="mixed",
        components="random",
        only=(L2,),
        as_wide=True,
    ),
    "mixed2-1/2": Variant("mean and PCA convolution of layer 2, a = 1/2", neighbourhood="mixed", alpha=0.5, only=(L2,)),
    "mixed3-1/2": Variant("mean and PCA convolution of layer 3, a = 1/2", neighbourhood="mixed", alpha=0.5, only=(L3,)),
    "mixed-1/2": Variant("mean and PCA convolution of both layers, a = 1/2", neighbourhood="mixed", alpha=0.5),
    "emphasis": Variant("edge, variance of layer 2 by 1.5", emphasis=1.5),
    "none2": Variant("no neighbourhood on layer 2", neighbourhood="none", only=(L2,)),
    "none3": Variant("no neighbourhood on layer 3", neighbourhood="none", only=(L3,)),
    "none-white-1/2": Variant("no neighbourhood, joined, then a = 1/2", neighbourhood="none", joint_alpha=0.5),
    "binomial": Variant("binomial 3 x 3", neighbourhood="binomial"),
    "binomial-white-1/2": Variant("binomial 3 x 3, joined, then a = 1/2", neighbourhood="binomial", joint_alpha=0.5),
    "mean-scores": Variant("edge, scores averaged over 3 x 3", mean_scores=True),
    "none-scores": Variant("no neighbourhood, scores averaged over 3 x 3", neighbourhood="none", mean_scores=True),
    "none-white-scores": Variant(
        "no neighbourhood, a = 1/2, scores averaged over 3 x 3", neighbourhood="none", joint_alpha=0.5, mean_scores=True
    ),
    "white-scores": Variant("mean, a = 1/2, scores averaged over 3 x 3", joint_alpha=0.5, mean_scores=True),
    "conv-1/2-scores": Variant(
        "PCA convolution, a = 1/2, scores averaged over 3 x 3", neighbourhood="convolution", alpha=0.5, mean_scores=True
    ),
    "binomial-scores": Variant("binomial 3 x 3, scores averaged over 3 x 3", neighbourhood="binomial", mean_scores=True),
    "white-1/4": Variant("mean, joined, then a = 1/4", joint_alpha=0.25),
    "white-1/2": Variant("mean, joined, then a = 1/2", joint_alpha=0.5),
    "white-1/2-shrunk-0": Variant("white-1/2, shrinkage 0", joint_alpha=0.5, shrinkage=0.0),
    "white-1/2-shrunk-0.01": Variant("white-1/2, shrinkage 0.01", joint_alpha=0.5, shrinkage=0.01),
    "white-1/2-shrunk-0.2": Variant("white-1/2, shrinkage 0.2", joint_alpha=0.5, shrinkage=0.2),
    "white-1": Variant("mean, joined, then a = 1", joint_alpha=1.0),
    "expand-0": Variant("expansions by PCA, a = 0", stages=(E2, E3), neighbourhood="reduce"),
    "expand-1/2": Variant("expansions by PCA, a = 1/2", stages=(E2, E3), neighbourhood="reduce", alpha=0.5),
    "joined-0": Variant("layers and expansions by PCA, a = 0", stages=(L2, E2, L3, E3), neighbourhood="reduce"),
    "joined-1/2": Variant(
        "layers and expansions by PCA, a = 1/2", stages=(L2, E2, L3, E3), neighbourhood="reduce", alpha=0.5
    ),
    "apart": Variant("two banks, maps normalised and summed", apart=True),
    "density": Variant("distance by the row's nominal radius", density=True),
    "apart-density": Variant("two banks, each by its rows' radii", apart=True, density=True),
}
ORDER = {L2: 8, E2: 8, L3: 16, E3: 16}


def kept(stage, channels):
    """Components kept of a stage: 56 and 96 of Lite0's 40 + 112 channels; of other backbones the same share of the sum."""
    deep = L3 if ORDER[stage] == 16 else L2
    total = channels[L2] + channels[L3]
    shallow = round(1.4 * channels[L2])
    return total - shallow if deep == L3 else shallow


# Variants of one seed draw the same samples, and 2,304 dimensions take ten seconds.
REMEMBERED = 12
spectra = {}


def spectrum(samples):
    """Eigenvalues, largest first, and eigenvectors (as rows) of the covariance of [n, dims]; remembered by its samples."""
    key = hashlib.blake2b(np.ascontiguousarray(samples)).digest()
    if key not in spectra:
        centred = samples - samples.mean(axis=0)
        values, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64) / len(centred))
        if len(spectra) == REMEMBERED:
            del spectra[next(iter(spectra))]
        spectra[key] = np.maximum(values[::-1], 0), vectors.T[::-1]
    return spectra[key]


def directions(samples, count, variant, alpha, generator):
    """[count, dims]: components of the samples, each scaled by its shrunk variance to the power -alpha / 2."""
    dims = samples.shape[1]
    if variant.components == "random":
        return np.linalg.qr(generator.standard_normal((dims, count)))[0].T
    values, vectors = spectrum(samples)
    chosen = slice(dims - count, dims) if variant.components == "smallest" else slice(0, count)
    shrunk = (1 - variant.shrinkage) * values + variant.shrinkage * values.mean()
    return vectors[chosen] * shrunk[chosen, None] ** (-alpha / 2)


def mixed(samples, kernels, channels):
    """Mean and kernels side by side, with half of the mean's variance each, cut down to as many as there are kernels."""
    mean = np.kron(np.eye(channels), np.full((1, 9), 1 / 9))
    total = (samples @ mean.T).var(axis=0).sum()
    parts = [part * np.sqrt(total / 2 / (samples @ part.T).var(axis=0).sum()) for part in (mean, kernels)]
    both = np.concatenate(parts)
    _, vectors = spectrum(samples @ both.T)
    return vectors[: len(kernels)] @ both


def unfolded(maps, images, generator):
    """[SAMPLES, channels * 9]: 3 x 3 patches of the nominal maps, from within the border."""
    channels, rows, cols = maps.shape[1:]
    each = min(SAMPLES // len(images), (rows - 2) * (cols - 2))
    parts = []
    for image in images:
        at = generator.choice((rows - 2) * (cols - 2), each, replace=False)
        windows = np.lib.stride_tricks.sliding_window_view(maps[image].astype(np.float32), (3, 3), axis=(1, 2))
        parts.append(windows.transpose(1, 2, 0, 3, 4)[at // (cols - 2), at % (cols - 2)].reshape(each, -1))
    return np.concatenate(parts)


def pixels(maps, images, generator):
    """[SAMPLES, channels]: single positions of the nominal maps."""
    each = min(SAMPLES // len(images), maps.shape[2] * maps.shape[3])
    parts = []
    for image in images:
        at = generator.choice(maps.shape[2] * maps.shape[3], each, replace=False)
        parts.append(maps[image].reshape(maps.shape[1], -1)[:, at].T.astype(np.float32))
    return np.concatenate(parts)


def branch_of(variant, stage, maps, images, generator, first):
    branch = {"stage": stage, "factor": ORDER[stage] // first}
    channels = {name: values.shape[1] for name, values in maps.items()}
    if variant.emphasis and ORDER[stage] == 8:
        branch["reduce"] = np.eye(channels[stage]) * np.sqrt(variant.emphasis)
    if variant.only is not None and stage not in variant.only:
        return branch
    if variant.neighbourhood == "none":
        branch["pool"] = False
    elif variant.neighbourhood == "binomial":
        branch["weights"] = np.outer([1, 2, 1], [1, 2, 1]) / 16
        branch["channels"] = channels[stage]
    elif variant.neighbourhood in ("convolution", "mixed"):
        samples = unfolded(maps[stage], images, generator)
        count = variant.shallow if variant.shallow and ORDER[stage] == 8 else kept(stage, channels)
        count = channels[stage] if variant.as_wide else count
        found = directions(samples, count, variant, variant.alpha, generator)
        if variant.neighbourhood == "mixed":
            found = mixed(samples, found, channels[stage])
        branch["kernel"] = found.reshape(len(found), channels[stage], 3, 3)
    elif variant.neighbourhood == "reduce" and (stage in (E2, E3) or variant.alpha > 0):
        samples = pixels(maps[stage], images, generator)
        count = min(kept(stage, channels), channels[stage])
        branch["reduce"] = directions(samples, count, variant, variant.alpha, generator)
    return branch


def fit_banks(variant, maps, images, seed):
    """The banks of a variant without a joint matrix."""
    generator = np.random.default_rng(seed)
    groups = [(stage,) for stage in variant.stages] if variant.apart else [variant.stages]
    banks = []
    for group in groups:
        first = ORDER[group[0]]
        banks.append({"branches": [branch_of(variant, stage, maps, images, generator, first) for stage in group]})
    return banks


def fit_matrix(variant, embeddings, seed):
    """[dims, k]: whitening of the joined embedding, fitted on [images, patches, dims]."""
    generator = np.random.default_rng(seed + 1)
    flat = embeddings.reshape(-1, embeddings.shape[-1])
    samples = flat[generator.choice(len(flat), min(SAMPLES, len(flat)), replace=False)]
    count = variant.joint_dims or flat.shape[1]
    return directions(samples, count, variant, variant.joint_alpha, generator).T.astype(np.float32)
