"""Golden vectors of the learned neighbourhood (src/patchcore/detail.ts), with numpy alone.

    python detail.py        # numpy 2.3.5 made the files

Writes detail_cells.npy, float32 [400, 4 channels * 9], and detail_gram.npy, float64 [36, 36]: transpose(K) K of the kernels K
that share 0.4, exponent 0.5 and shrinkage 0.1 give. K itself is only defined up to a rotation; every distance that it makes is in
transpose(K) K. Seed 20261.
"""

import pathlib

import numpy as np

CHANNELS, ROWS, SHARE, EXPONENT, SHRINKAGE = 4, 400, 0.4, 0.5, 0.1

folder = pathlib.Path(__file__).parent
generator = np.random.default_rng(20261)
dims = CHANNELS * 9
# Cells that depend on each other, with variances over three orders of size, away from zero.
mixing = generator.standard_normal((dims, dims)) * np.geomspace(3, 0.1, dims)[:, None]
cells = (generator.standard_normal((ROWS, dims)) @ mixing + generator.uniform(0, 5, dims)).astype(np.float32)

sigma = np.cov(cells.astype(np.float64), rowvar=False, bias=True)
values, vectors = np.linalg.eigh(sigma)
values, vectors = values[::-1], vectors[:, ::-1].T
shrunk = (1 - SHRINKAGE) * values + SHRINKAGE * values.mean()
patterns = vectors[:CHANNELS] * shrunk[:CHANNELS, None] ** (-EXPONENT / 2)
means = np.kron(np.eye(CHANNELS), np.full((1, 9), 1 / 9))
variance = lambda kernels: np.trace(kernels @ sigma @ kernels.T)
both = np.concatenate(
    [np.sqrt(1 - SHARE) * means, np.sqrt(SHARE * variance(means) / variance(patterns)) * patterns]
)
_, rotation = np.linalg.eigh(both @ sigma @ both.T)
kernels = rotation.T[::-1][:CHANNELS] @ both

np.save(folder / "detail_cells.npy", cells)
np.save(folder / "detail_gram.npy", kernels.T @ kernels)
